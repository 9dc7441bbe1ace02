'use strict'
// aws-sdk-js by itself. It checks the MD5 digests of what it sends and receives.

const assert = require('node:assert/strict')
const test = require('node:test')
const {
  ChangeMessageVisibilityCommand, DeleteMessageBatchCommand, DeleteMessageCommand,
  GetQueueUrlCommand, paginateListQueues, PurgeQueueCommand, QueueDoesNotExist,
  ReceiptHandleIsInvalid, ReceiveMessageCommand, SendMessageBatchCommand,
} = require('@aws-sdk/client-sqs')
const { counts, createQueue, receive, send, sqs, take } = require('./clients')

test('what is sent is received', async () => {
  const queue = await createQueue()
  const MessageAttributes = {
    text: { DataType: 'String', StringValue: 'größe' },
    number: { DataType: 'Number.int', StringValue: '7' },
    binary: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255]) },
  }
  const sent = await send(queue, 'größe 🐙', { MessageAttributes })
  const [message] = await take(queue, 1)
  assert.equal(message.Body, 'größe 🐙')
  assert.equal(message.MessageId, sent.MessageId)
  assert.equal(message.MD5OfMessageAttributes, sent.MD5OfMessageAttributes)
  assert.equal(message.MessageAttributes.text.StringValue, 'größe')
  assert.equal(message.MessageAttributes.number.DataType, 'Number.int')
  assert.deepEqual([...message.MessageAttributes.binary.BinaryValue], [0, 255])
})

test('a mebibyte', async () => {
  const queue = await createQueue()
  const body = 'x'.repeat(1024 * 1024)
  await send(queue, body)
  assert.equal((await take(queue, 1))[0].Body, body)
  await assert.rejects(send(queue, `${body}x`), { name: 'InvalidParameterValue' })
})

test('batches and their failures', async () => {
  const queue = await createQueue()
  const Entries = Array.from({ length: 10 }, (_, n) => ({ Id: `${n}`, MessageBody: `${n}` }))
  Entries[4].MessageBody = 'a\x08b'
  const sent = await sqs.send(new SendMessageBatchCommand({ QueueUrl: queue, Entries }))
  assert.equal(sent.Successful.length, 9)
  assert.deepEqual(sent.Failed.map(failed => failed.Id), ['4'])
  const messages = await take(queue, 9)
  const handles = messages.map((m, n) => ({ Id: `${n}`, ReceiptHandle: m.ReceiptHandle }))
  handles[0].ReceiptHandle = 'garbage'
  const deleted = await sqs.send(
    new DeleteMessageBatchCommand({ QueueUrl: queue, Entries: handles })
  )
  assert.equal(deleted.Successful.length, 8)
  assert.equal(deleted.Failed[0].Code, 'ReceiptHandleIsInvalid')
  assert.deepEqual(await counts(queue), [0, 1])
})

test('errors have their classes', async () => {
  const queue = await createQueue()
  await assert.rejects(send(`${queue}-not`, 'a'), QueueDoesNotExist)
  const garbage = { QueueUrl: queue, ReceiptHandle: 'garbage' }
  await assert.rejects(sqs.send(new DeleteMessageCommand(garbage)), ReceiptHandleIsInvalid)
  await assert.rejects(
    sqs.send(new GetQueueUrlCommand({ QueueName: 'there-is-no-such-queue' })), QueueDoesNotExist
  )
})

test('visibility and redelivery', async () => {
  const queue = await createQueue({ VisibilityTimeout: '1' })
  await send(queue, 'a')
  const [first] = await take(queue, 1)
  const [again] = await take(queue, 1)
  assert.equal(again.MessageId, first.MessageId)
  assert.equal(again.Attributes.ApproximateReceiveCount, '2')
  await sqs.send(new ChangeMessageVisibilityCommand(
    { QueueUrl: queue, ReceiptHandle: again.ReceiptHandle, VisibilityTimeout: 0 }
  ))
  assert.equal((await take(queue, 1))[0].Attributes.ApproximateReceiveCount, '3')
})

test('fifo order and deduplication', async () => {
  const queue = await createQueue({ fifo: true, ContentBasedDeduplication: 'true' })
  const numbers = []
  for (const body of ['1', '2', '1', '3']) {
    const sent = await send(queue, body, { MessageGroupId: 'g' })
    numbers.push(BigInt(sent.SequenceNumber))
  }
  assert.equal(numbers[0], numbers[2])
  assert.ok(numbers[0] < numbers[1] && numbers[1] < numbers[3])
  const [one] = await take(queue, 1, { MaxNumberOfMessages: 1 })
  assert.equal(one.Body, '1')
  assert.deepEqual(await receive(queue, { WaitTimeSeconds: 1 }), [])
  await sqs.send(new DeleteMessageCommand({ QueueUrl: queue, ReceiptHandle: one.ReceiptHandle }))
  assert.deepEqual((await take(queue, 2)).map(message => message.Body), ['2', '3'])
})

test('long polls end with the first message', async () => {
  const queue = await createQueue()
  const began = Date.now()
  const polling = receive(queue, { WaitTimeSeconds: 20, MaxNumberOfMessages: 10 })
  await new Promise(resolve => setTimeout(resolve, 300))
  await send(queue, 'a')
  assert.deepEqual((await polling).map(message => message.Body), ['a'])
  assert.ok(Date.now() - began < 10_000)
})

test('a poll that is aborted takes nothing', async () => {
  const queue = await createQueue()
  const abort = new AbortController()
  const command = new ReceiveMessageCommand({ QueueUrl: queue, WaitTimeSeconds: 20 })
  const polling = sqs.send(command, { abortSignal: abort.signal })
  await new Promise(resolve => setTimeout(resolve, 300))
  abort.abort()
  await assert.rejects(polling, { name: 'AbortError' })
  await new Promise(resolve => setTimeout(resolve, 300))
  await send(queue, 'a')
  assert.equal((await take(queue, 1))[0].Attributes.ApproximateReceiveCount, '1')
})

test('queues are listed in pages', async () => {
  const queues = [await createQueue(), await createQueue(), await createQueue()]
  const found = []
  const pages = paginateListQueues({ client: sqs, pageSize: 2 }, { QueueNamePrefix: 'queue-node' })
  for await (const page of pages) found.push(...(page.QueueUrls ?? []))
  for (const queue of queues) assert.ok(found.includes(queue))
  assert.equal(new Set(found).size, found.length)
})

test('purging', async () => {
  const queue = await createQueue()
  await send(queue, 'a')
  await sqs.send(new PurgeQueueCommand({ QueueUrl: queue }))
  assert.deepEqual(await receive(queue, { WaitTimeSeconds: 1 }), [])
})
