'use strict'
// sqs-consumer: programs that are called for each message.

const assert = require('node:assert/strict')
const test = require('node:test')
const { Consumer } = require('sqs-consumer')
const { SendMessageBatchCommand } = require('@aws-sdk/client-sqs')
const { counts, createQueue, eventually, send, sqs, take } = require('./clients')

// Runs `work` while consumers are running, and stops them.
async function consuming(consumers, work) {
  const errors = []
  for (const consumer of consumers) {
    consumer.on('error', error => errors.push(error))
    consumer.start()
  }
  try {
    await work()
  } finally {
    for (const consumer of consumers) consumer.stop({ abort: true })
    await eventually(() => consumers.every(c => !c.status.isRunning), 'consumers stop')
  }
  return errors.filter(error => error.name !== 'AbortError')
}

const consumer = (queueUrl, handleMessage, more = {}) =>
  Consumer.create({ queueUrl, sqs, handleMessage, waitTimeSeconds: 20, batchSize: 10, ...more })

async function fill(QueueUrl, count) {
  for (let start = 0; start < count; start += 10) {
    const Entries = Array.from({ length: 10 }, (_, n) => (
      { Id: `${n}`, MessageBody: `${start + n}` }
    ))
    await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }))
  }
}

test('twenty workers share a queue', async () => {
  const queue = await createQueue()
  const seen = []
  const workers = Array.from({ length: 20 }, () =>
    consumer(queue, async message => { seen.push(Number(message.Body)); return message }))
  const errors = await consuming(workers, async () => {
    await fill(queue, 1000)
    await eventually(() => seen.length >= 1000, 'a thousand messages')
    await eventually(async () => (await counts(queue)).every(count => count === 0), 'all deleted')
  })
  assert.deepEqual(errors, [])
  assert.deepEqual(seen.sort((a, b) => a - b), Array.from({ length: 1000 }, (_, n) => n))
})

test('what a handler throws on comes back', async () => {
  const queue = await createQueue()
  const seen = []
  const failing = async message => {
    seen.push(message.Attributes.ApproximateReceiveCount)
    if (seen.length < 3) throw new Error('not yet')
    return message
  }
  const more = { terminateVisibilityTimeout: true, messageSystemAttributeNames: ['All'] }
  const worker = consumer(queue, failing, more)
  worker.on('processing_error', () => {})
  await consuming([worker], async () => {
    await send(queue, 'a')
    await eventually(() => seen.length === 3, 'three deliveries')
    await eventually(async () => (await counts(queue)).every(count => count === 0), 'deleted')
  })
  assert.deepEqual(seen, ['1', '2', '3'])
})

test('a batch handler acknowledges a part', async () => {
  const queue = await createQueue({ VisibilityTimeout: '2' })
  await fill(queue, 10)
  const batches = []
  const handleMessageBatch = async messages => {
    batches.push(messages.map(message => message.Body))
    return batches.length === 1 ? messages.slice(0, 4) : messages
  }
  const worker = Consumer.create(
    { queueUrl: queue, sqs, handleMessageBatch, waitTimeSeconds: 5, batchSize: 10 }
  )
  await consuming([worker], async () => {
    await eventually(async () => batches.flat().length >= 16, 'the rest once more')
    await eventually(async () => (await counts(queue)).every(count => count === 0), 'all deleted')
  })
  const again = batches.slice(1).flat().sort()
  assert.deepEqual(again, batches[0].slice(4).sort())
})

test('a heartbeat keeps a message', async () => {
  const queue = await createQueue({ VisibilityTimeout: '2' })
  let calls = 0
  const slow = async message => {
    calls++
    await new Promise(resolve => setTimeout(resolve, 5000))
    return message
  }
  const more = { visibilityTimeout: 2, heartbeatInterval: 1 }
  const workers = [consumer(queue, slow, more), consumer(queue, slow, more)]
  await consuming(workers, async () => {
    await send(queue, 'a')
    await eventually(async () => calls > 0 && (await counts(queue)).every(c => c === 0), 'deleted')
  })
  assert.equal(calls, 1)
})

test('workers of a fifo queue keep the order of each group', async () => {
  const queue = await createQueue({ fifo: true, ContentBasedDeduplication: 'true' })
  for (let n = 0; n < 10; n++) {
    const Entries = 'abcdefghij'.split('').map(group => (
      { Id: group, MessageBody: `${group}${n}`, MessageGroupId: group }
    ))
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: queue, Entries }))
  }
  const seen = []
  const note = async message => { seen.push(message.Body); return message }
  const more = { suppressFifoWarning: true }
  const workers = Array.from({ length: 5 }, () => consumer(queue, note, more))
  await consuming(workers, () => eventually(() => seen.length >= 100, 'a hundred messages'))
  for (const group of 'abcdefghij') {
    const own = seen.filter(body => body[0] === group)
    assert.deepEqual(own, Array.from({ length: 10 }, (_, n) => `${group}${n}`))
  }
})

test('what nobody consumed is left', async () => {
  const queue = await createQueue()
  const worker = consumer(queue, async message => message)
  await consuming([worker], async () => {})
  await send(queue, 'a')
  assert.equal((await take(queue, 1))[0].Body, 'a')
})
