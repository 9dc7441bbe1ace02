'use strict'
// What goes in comes out.

const assert = require('node:assert/strict')
const test = require('node:test')
const { codecs, createTopic, fresh, kafka, produce, read } = require('./clients')

for (const codec of Object.keys(codecs)) {
  test(`produce and consume ${codec}`, async () => {
    const topic = await createTopic()
    const values = Array.from({ length: 500 }, (_, n) => `${n} `.repeat(n % 50))
    await produce(topic, values.map(value => ({ value })), codec)
    assert.deepEqual((await read(topic, 500)).map(m => m.value.toString()), values)
  })
}

test('keys and headers', async () => {
  const topic = await createTopic()
  await produce(topic, [{ key: 'key', value: 'v', headers: { a: ['1', '2'], empty: '' } }])
  const [message] = await read(topic, 1)
  assert.equal(message.key.toString(), 'key')
  assert.deepEqual(message.headers.a.map(String), ['1', '2'])
  assert.equal(message.headers.empty.toString(), '')
})

test('null keys and null values', async () => {
  const topic = await createTopic()
  await produce(topic, [{ key: null, value: null }, { key: '', value: '' }])
  const [nulls, empties] = await read(topic, 2)
  assert.deepEqual([nulls.key, nulls.value], [null, null])
  assert.deepEqual([empties.key.length, empties.value.length], [0, 0])
})

test('timestamps of the producer', async () => {
  const topic = await createTopic()
  const timestamp = String(Date.now() - 60_000)
  await produce(topic, [{ value: 'v', timestamp }])
  assert.equal((await read(topic, 1))[0].timestamp, timestamp)
})

test('order within a partition', async () => {
  const topic = await createTopic(3)
  const messages = Array.from({ length: 3000 }, (_, n) => ({ partition: n % 3, value: String(n) }))
  await produce(topic, messages)
  const next = [0, 0, 0]
  for (const { partition, offset, value } of await read(topic, 3000)) {
    assert.equal(Number(offset), next[partition])
    assert.equal(Number(value.toString()), next[partition] * 3 + partition)
    next[partition]++
  }
})

test('record too large where not configured', async () => {
  const topic = await createTopic()
  const send = produce(topic, [{ value: Buffer.alloc(2 * 1024 * 1024) }])
  await assert.rejects(send, error => error.type === 'MESSAGE_TOO_LARGE')
})

test('ten megabyte records where configured', async () => {
  const topic = await createTopic(1, { 'max.message.bytes': String(11 * 1024 * 1024) })
  const value = Buffer.alloc(10 * 1024 * 1024, 7)
  await produce(topic, [{ value }])
  assert.ok((await read(topic, 1))[0].value.equals(value))
})

test('topics are created by use', async () => {
  const topic = fresh('auto')
  await produce(topic, [{ value: 'first' }])
  assert.equal((await read(topic, 1))[0].value.toString(), 'first')
})

test('idempotent producers number their batches', async () => {
  const topic = await createTopic()
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (let n = 0; n < 20; n++) {
    const [sent] = await producer.send({ topic, messages: [{ partition: 0, value: String(n) }] })
    assert.equal(sent.baseOffset, String(n))
  }
  await producer.disconnect()
})
