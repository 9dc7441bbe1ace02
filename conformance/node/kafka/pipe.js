'use strict'
// JSON lines into a topic and out of it, for the suite in which every client reads every other.

const fs = require('node:fs')
const { produce, read } = require('./clients')

const bytes = text => (text === null ? null : Buffer.from(text, 'base64'))
const base64 = buffer => (buffer === null || buffer === undefined ? null : buffer.toString('base64'))

async function feed(topic, codec, file) {
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line))
  await produce(topic, lines.map(line => ({
    partition: line.partition,
    timestamp: String(line.timestamp),
    key: bytes(line.key),
    value: bytes(line.value),
    headers: Object.fromEntries(line.headers.map(([name, value]) => [name, bytes(value)])),
  })), codec)
}

async function dump(topic, count, file) {
  const lines = (await read(topic, Number(count))).map(message => JSON.stringify({
    partition: message.partition,
    offset: Number(message.offset),
    timestamp: Number(message.timestamp),
    key: base64(message.key),
    value: base64(message.value),
    headers: Object.entries(message.headers).map(([name, value]) => [name, base64(value)]),
  }))
  fs.writeFileSync(file, lines.join('\n') + '\n')
}

const [verb, ...rest] = process.argv.slice(2)
const work = { feed, dump }[verb]
work(...rest).catch(error => {
  console.error(error)
  process.exit(1)
})
