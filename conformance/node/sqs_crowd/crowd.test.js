'use strict'
// Many consumers at once and a server that is killed under them: a message is one consumer's alone
// while it is hidden, nothing is lost, what was deleted stays away, and groups are in order.

const assert = require('node:assert/strict')
const test = require('node:test')
const { Client, Unanswered } = require('./client')
const { Server } = require('./server')
const { Groups, Messages } = require('./account')

const count = Number(process.env.SQS_MESSAGES ?? 50_000)
const kills = Number(process.env.SQS_KILLS ?? 3)
const batch = 10
// Of which the clock of each call is a part: far longer than any answer takes.
const visibilitySeconds = 10

async function run(name, plan) {
  const server = await new Server().start()
  const client = new Client(server.aws)
  try {
    await crowd(name, plan, server, client)
    assert.equal(await server.stop(), 0)
  } finally {
    // What still runs after a failure would go on for ever.
    client.close()
    await server.kill()
  }
}

async function crowd(name, { fifo, consumers, producers, account, entry }, server, client) {
  const attributes = { VisibilityTimeout: String(visibilitySeconds) }
  if (fifo) Object.assign(attributes, { FifoQueue: 'true' })
  const { QueueUrl } = await client.insist('CreateQueue', {
    QueueName: fifo ? 'crowd.fifo' : 'crowd', Attributes: attributes,
  })
  const began = performance.now()
  let sentAt
  let next = 0

  // `next` goes up by batches; those of one group are always one producer's.
  const produce = async producer => {
    for (;;) {
      const numbers = fifo ? ownBatch(producer) : anyBatch()
      if (numbers.length === 0) return
      const Entries = numbers.map((number, at) => ({ Id: String(at), ...entry(number) }))
      const again = () => account.mayBeTwice(numbers)
      const { Successful = [], Failed } =
        await client.insist('SendMessageBatch', { QueueUrl, Entries }, again)
      assert.equal(Failed, undefined)
      assert.equal(Successful.length, numbers.length)
      account.sent += numbers.length
    }
  }
  const anyBatch = () => {
    const first = next
    next = Math.min(count, next + batch)
    return Array.from({ length: next - first }, (_, at) => first + at)
  }
  const positions = Array.from({ length: producers }, (_, producer) => producer)
  const ownBatch = producer => {
    const numbers = []
    for (; numbers.length < batch && positions[producer] < count; positions[producer] += producers) {
      numbers.push(positions[producer])
    }
    return numbers
  }

  const consume = async () => {
    while (account.finished < count) {
      const asked = performance.now()
      let messages
      try {
        const found = await client.call('ReceiveMessage', {
          QueueUrl, MaxNumberOfMessages: batch, WaitTimeSeconds: 1,
        })
        messages = found.Messages ?? []
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error
        await new Promise(resolve => setTimeout(resolve, 20))
        continue
      }
      if (messages.length === 0) continue
      account.received(messages, asked, performance.now())
      // Work, during which nobody else is to have them.
      await new Promise(resolve => setTimeout(resolve, 5 * Math.random()))
      const Entries = messages.map((message, at) => (
        { Id: String(at), ReceiptHandle: message.ReceiptHandle }
      ))
      account.deleting(messages)
      try {
        const { Successful = [] } = await client.call('DeleteMessageBatch', { QueueUrl, Entries })
        account.deleted(Successful.map(({ Id }) => messages[Number(Id)]))
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error
      }
    }
  }

  const kill = async () => {
    for (let n = 1; n <= kills; n++) {
      const enough = count * n / (kills + 1)
      while (account.finished < enough) {
        if (client.closed) return
        await new Promise(resolve => setTimeout(resolve, 10))
      }
      await server.restart()
    }
  }

  const sending = Promise.all(Array.from({ length: producers }, (_, n) => produce(n)))
    .then(() => { sentAt = performance.now() })
  await Promise.all([sending, kill(), ...Array.from({ length: consumers }, consume)])
  const seconds = (performance.now() - began) / 1000
  await drain(client, QueueUrl, account)
  account.judge(count)
  const rate = number => Math.round(number).toLocaleString('en')
  console.log(
    `FIGURE ${name}: ${rate(count)} messages, ${consumers} consumers, ${kills} kills: sent in ` +
    `${((sentAt - began) / 1000).toFixed(1)} s, all deleted in ${seconds.toFixed(1)} s ` +
    `(${rate(count / seconds)} messages/s, ${rate(client.requests / seconds)} requests/s); ` +
    `${account.summary()}`
  )
}

// What was deleted without an answer may still be there, and what was sent twice.
async function drain(client, QueueUrl, account) {
  const deadline = Date.now() + 60_000
  while ((await client.counts(QueueUrl)).some(left => left > 0)) {
    assert.ok(Date.now() < deadline, `left: ${await client.counts(QueueUrl)}`)
    const asked = performance.now()
    const { Messages = [] } = await client.insist('ReceiveMessage', {
      QueueUrl, MaxNumberOfMessages: batch, WaitTimeSeconds: 2,
    })
    if (Messages.length === 0) continue
    account.received(Messages, asked, performance.now())
    account.deleting(Messages)
    for (const { ReceiptHandle } of Messages) {
      await client.insist('DeleteMessage', { QueueUrl, ReceiptHandle })
    }
    account.deleted(Messages)
  }
}

test('sixty-four consumers share no message', () => run('standard', {
  fifo: false,
  consumers: 64,
  producers: 16,
  account: new Messages(visibilitySeconds),
  entry: number => ({ MessageBody: String(number) }),
}))

test('a thousand groups are in order for thirty-two consumers', () => {
  const groups = 1000
  return run('fifo', {
    fifo: true,
    consumers: 32,
    // A divisor of the groups: a group's messages are all sent by one producer, one after the other.
    producers: 20,
    account: new Groups(groups, visibilitySeconds),
    entry: number => ({
      MessageBody: String(number),
      MessageGroupId: `g${number % groups}`,
      MessageDeduplicationId: `d${number}`,
    }),
  })
})
