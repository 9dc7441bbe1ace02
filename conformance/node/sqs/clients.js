'use strict'
// A client as programs have it, and queues that end with the process.

const { randomBytes } = require('node:crypto')
const { after } = require('node:test')
const {
  CreateQueueCommand, DeleteQueueCommand, GetQueueAttributesCommand, ReceiveMessageCommand,
  SendMessageCommand, SQSClient,
} = require('@aws-sdk/client-sqs')

const patience = 30_000
const sqs = new SQSClient({
  endpoint: `http://${process.env.BROKER_AWS}`,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
})
const created = []

async function createQueue({ fifo = false, ...Attributes } = {}) {
  const name = `queue-node-${randomBytes(4).toString('hex')}`
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({
    QueueName: fifo ? `${name}.fifo` : name,
    Attributes: fifo ? { FifoQueue: 'true', ...Attributes } : Attributes,
  }))
  created.push(QueueUrl)
  return QueueUrl
}

after(async () => {
  for (const QueueUrl of created) await sqs.send(new DeleteQueueCommand({ QueueUrl }))
  sqs.destroy()
})

const send = (QueueUrl, MessageBody, more = {}) =>
  sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, ...more }))

// Receives until there are so many.
async function take(QueueUrl, count, more = {}) {
  const taken = []
  const deadline = Date.now() + patience
  while (taken.length < count) {
    if (Date.now() > deadline) throw new Error(`${taken.length} of ${count} messages`)
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: Math.min(10, count - taken.length),
      WaitTimeSeconds: 2,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
      ...more,
    }))
    taken.push(...Messages)
  }
  return taken
}

const receive = async (QueueUrl, more = {}, options = {}) =>
  (await sqs.send(new ReceiveMessageCommand({ QueueUrl, ...more }), options)).Messages ?? []

// How many messages are ready and in flight.
async function counts(QueueUrl) {
  const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible']
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: names })
  )
  return names.map(name => Number(Attributes[name]))
}

async function eventually(check, what) {
  const deadline = Date.now() + patience
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

module.exports = { counts, createQueue, eventually, patience, receive, send, sqs, take }
