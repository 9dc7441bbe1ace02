'use strict'
// KafkaJS with every codec, and the few steps that each case takes.

const { randomBytes } = require('node:crypto')
const { Kafka, CompressionCodecs, CompressionTypes, logLevel } = require('kafkajs')
const snappy = require('kafkajs-snappy')
const lz4 = require('lz4-napi')
const zstd = require('@bokuweb/zstd-wasm')

CompressionCodecs[CompressionTypes.Snappy] = snappy
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: encoder => lz4.compressFrame(encoder.buffer),
  decompress: buffer => lz4.decompressFrame(buffer),
})
const zstdReady = zstd.init()
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async encoder => (await zstdReady, Buffer.from(zstd.compress(encoder.buffer, 3))),
  decompress: async buffer => (await zstdReady, Buffer.from(zstd.decompress(buffer))),
})

const codecs = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

const patience = 30_000
const kafka = new Kafka({ brokers: [process.env.BROKER], logLevel: logLevel.NOTHING })
const fresh = kind => `${kind}-node-${randomBytes(4).toString('hex')}`

async function withAdmin(work) {
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

async function createTopic(numPartitions = 1, config = {}) {
  const topic = fresh('topic')
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
  await withAdmin(admin =>
    admin.createTopics({ topics: [{ topic, numPartitions, replicationFactor: 1, configEntries }] })
  )
  return topic
}

async function produce(topic, messages, codec = 'none') {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  try {
    return await producer.send({ topic, messages, acks: -1, compression: codecs[codec] })
  } finally {
    await producer.disconnect()
  }
}

// Runs a consumer until `enough(messages)`; answers the messages in the order of their arrival.
async function consume(topic, enough, { groupId = fresh('group'), started, ...run } = {}) {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 500,
    maxWaitTimeInMs: 500 })
  const messages = []
  await consumer.connect()
  let timer, check
  try {
    await consumer.subscribe({ topic, fromBeginning: true })
    await new Promise((resolve, reject) => {
      let startedWork
      const done = () => startedWork?.then(resolve)
      const late = () => reject(new Error(`only ${messages.length} messages in time`))
      timer = setTimeout(late, patience)
      // Another member may read the last record: so it is not only asked when one arrives.
      check = setInterval(() => enough(messages) && done(), 50)
      consumer.on('consumer.crash', event => reject(event.payload.error))
      const running = consumer.run({
        ...run,
        eachMessage: async ({ partition, message }) => {
          messages.push({ partition, ...message })
        },
      })
      startedWork = running.then(() => started?.(consumer))
      startedWork.catch(reject)
    })
  } finally {
    clearTimeout(timer)
    clearInterval(check)
    await consumer.disconnect()
  }
  return messages
}

const read = (topic, count, options) => consume(topic, got => got.length >= count, options)

module.exports = { codecs, consume, createTopic, fresh, kafka, patience, produce, read, withAdmin }
