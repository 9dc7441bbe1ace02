'use strict'
// Consumer groups of the classic protocol.

const assert = require('node:assert/strict')
const test = require('node:test')
const { consume, createTopic, fresh, produce, read, withAdmin } = require('./clients')

const numbered = (from, to, partitions = 1) =>
  Array.from({ length: to - from }, (_, n) => ({
    partition: (from + n) % partitions,
    value: String(from + n),
  }))

test('members join and leave while consuming', async () => {
  const topic = await createTopic(4)
  const groupId = fresh('group')
  const seen = new Set()
  const until = count => messages => {
    messages.forEach(message => seen.add(message.value.toString()))
    return seen.size >= count
  }
  await produce(topic, numbered(0, 400, 4))
  // The first leaves at 400; the second joins while it is still reading.
  const first = consume(topic, until(400), { groupId })
  const second = consume(topic, until(1000), { groupId })
  await first
  await produce(topic, numbered(400, 1000, 4))
  await second
  assert.equal(seen.size, 1000)
})

test('a group resumes from its commit', async () => {
  const topic = await createTopic()
  const groupId = fresh('group')
  await produce(topic, numbered(0, 20))
  await withAdmin(admin =>
    admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: '7' }] })
  )
  assert.equal((await read(topic, 13, { groupId }))[0].value.toString(), '7')
})

test('commit metadata comes back', async () => {
  const topic = await createTopic()
  const groupId = fresh('group')
  await produce(topic, numbered(0, 2))
  const commit = consumer =>
    consumer.commitOffsets([{ topic, partition: 0, offset: '1', metadata: 'checkpoint' }])
  await read(topic, 1, { groupId, autoCommit: false, started: commit })
  const [{ partitions }] = await withAdmin(admin => admin.fetchOffsets({ groupId, topics: [topic] }))
  assert.deepEqual(partitions, [{ partition: 0, offset: '1', metadata: 'checkpoint' }])
})

test('reset by time', async () => {
  const topic = await createTopic()
  const base = Date.now() - 3_600_000
  await produce(topic, numbered(0, 100).map((message, n) => ({
    ...message,
    timestamp: String(base + n * 1000),
  })), 'gzip')
  const [found] = await withAdmin(admin => admin.fetchTopicOffsetsByTimestamp(topic, base + 41_001))
  assert.equal(found.offset, '42')
})
