'use strict'
// The admin client of KafkaJS.

const assert = require('node:assert/strict')
const test = require('node:test')
const { ConfigResourceTypes } = require('kafkajs')
const { createTopic, fresh, produce, read, withAdmin } = require('./clients')

test('create list and delete topics', async () => {
  const topic = await createTopic(3)
  await withAdmin(async admin => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    assert.equal(topics[0].partitions.length, 3)
    assert.equal(await admin.createTopics({ topics: [{ topic }] }), false, 'it exists')
    await admin.deleteTopics({ topics: [topic] })
    assert.ok(!(await admin.listTopics()).includes(topic))
  })
})

test('create partitions', async () => {
  const topic = await createTopic(2)
  await withAdmin(async admin => {
    await admin.createPartitions({ topicPartitions: [{ topic, count: 5 }] })
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    assert.equal(topics[0].partitions.length, 5)
  })
})

test('alter configs', async () => {
  const topic = await createTopic()
  const resource = { type: ConfigResourceTypes.TOPIC, name: topic }
  await withAdmin(async admin => {
    const configEntries = [{ name: 'retention.ms', value: '1234' }]
    await admin.alterConfigs({ resources: [{ ...resource, configEntries }] })
    const { resources } = await admin.describeConfigs({ resources: [resource] })
    const found = resources[0].configEntries.find(entry => entry.configName === 'retention.ms')
    assert.equal(found.configValue, '1234')
  })
})

test('delete records moves the start', async () => {
  const topic = await createTopic()
  await produce(topic, Array.from({ length: 10 }, (_, n) => ({ value: String(n) })))
  await withAdmin(async admin => {
    // KafkaJS deletes only from topics whose metadata this client has asked for.
    await admin.fetchTopicOffsets(topic)
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '4' }] })
    const [{ low, high }] = await admin.fetchTopicOffsets(topic)
    assert.deepEqual([low, high], ['4', '10'])
  })
})

test('groups are listed described and deleted', async () => {
  const topic = await createTopic()
  const groupId = fresh('group')
  await produce(topic, [{ value: 'v' }])
  await read(topic, 1, { groupId })
  await withAdmin(async admin => {
    const { groups } = await admin.describeGroups([groupId])
    assert.equal(groups[0].state, 'Empty')
    assert.ok((await admin.listGroups()).groups.some(group => group.groupId === groupId))
    await admin.deleteGroups([groupId])
    assert.ok(!(await admin.listGroups()).groups.some(group => group.groupId === groupId))
  })
})

test('describe cluster', async () => {
  const cluster = await withAdmin(admin => admin.describeCluster())
  assert.equal(cluster.brokers.length, 1)
  assert.equal(cluster.controller, cluster.brokers[0].nodeId)
})
