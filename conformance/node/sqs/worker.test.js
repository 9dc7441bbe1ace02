'use strict'
// Job runners: what workers such as Shoryuken's rely on.

const assert = require('node:assert/strict')
const test = require('node:test')
const { setTimeout: pause } = require('node:timers/promises')
const { GetQueueAttributesCommand, SendMessageBatchCommand } = require('@aws-sdk/client-sqs')
const { counts, createQueue, eventually, send, sqs, take } = require('./clients')
const { Worker } = require('./worker')

const isEmpty = async queue => (await counts(queue)).every(count => count === 0)

// Runs so many workers until `until` holds, then stops them.
async function working(workers, until, what) {
  for (const worker of workers) worker.start()
  try {
    await eventually(until, what)
  } finally {
    await Promise.all(workers.map(worker => worker.stop()))
  }
}

async function fill(QueueUrl, bodies, more = () => ({})) {
  for (let start = 0; start < bodies.length; start += 10) {
    const Entries = bodies.slice(start, start + 10).map((MessageBody, n) => (
      { Id: `${n}`, MessageBody, ...more(MessageBody) }
    ))
    await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }))
  }
}

test('a heartbeat keeps a long job hidden from others', async () => {
  const queue = await createQueue()
  const began = []
  const work = async message => {
    began.push(message.Body)
    await pause(5_000)
  }
  const workers = [1, 2].map(() => new Worker(queue, work, { visibility: 2 }))
  await fill(queue, ['a', 'b', 'c'])
  await working(workers, async () => began.length >= 3 && await isEmpty(queue), 'all jobs done')
  assert.deepEqual(began.sort(), ['a', 'b', 'c'])
})

test('a job waits longer after each failure', async () => {
  const queue = await createQueue()
  const times = []
  const work = async () => {
    times.push(Date.now())
    if (times.length < 4) throw new Error('not yet')
  }
  const worker = new Worker(queue, work, { backoff: receives => 2 ** (receives - 1) })
  await send(queue, 'a')
  await working([worker], async () => times.length >= 4 && await isEmpty(queue), 'the job done')
  const waits = times.slice(1).map((time, n) => time - times[n])
  for (const [n, wait] of waits.entries()) assert.ok(wait >= 1_000 * 2 ** n - 50, `${waits}`)
  assert.equal(worker.failures, 3)
})

test('jobs that fail for good are set aside', async () => {
  const dead = await createQueue()
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({
    QueueUrl: dead, AttributeNames: ['QueueArn'],
  }))
  const RedrivePolicy = JSON.stringify({
    deadLetterTargetArn: Attributes.QueueArn, maxReceiveCount: 3,
  })
  const queue = await createQueue({ RedrivePolicy })
  const work = async message => {
    if (message.Body === 'bad') throw new Error('never')
  }
  const worker = new Worker(queue, work)
  await fill(queue, ['good', 'bad', 'good', 'good'])
  await working([worker], () => isEmpty(queue), 'an empty queue')
  assert.equal(worker.failures, 3)
  const [message] = await take(dead, 1)
  assert.equal(message.Body, 'bad')
  assert.equal(message.Attributes.ApproximateReceiveCount, '4')
})

test('several workers keep the order of groups through failures', async () => {
  const queue = await createQueue({ fifo: true, ContentBasedDeduplication: 'true' })
  const groups = ['a', 'b', 'c', 'd']
  const bodies = Array.from({ length: 20 }, (_, n) => groups.map(group => `${group}-${n}`)).flat()
  await fill(queue, bodies, body => ({ MessageGroupId: body[0] }))
  const done = []
  const failed = new Set()
  const work = async message => {
    const body = message.Body
    if (body.endsWith('7') && !failed.has(body)) {
      failed.add(body)
      throw new Error('once')
    }
    await pause(5)
    done.push(body)
  }
  // What is not done of a batch comes back with its time-out, behind what failed.
  const workers = [1, 2, 3].map(() => new Worker(queue, work, { visibility: 2 }))
  const until = async () => new Set(done).size === bodies.length && await isEmpty(queue)
  await working(workers, until, 'all jobs done')
  for (const group of groups) {
    const own = done.filter(body => body[0] === group)
    const expected = bodies.filter(body => body[0] === group)
    assert.deepEqual(own, expected)
  }
})

test('two hundred jobs and six workers', async () => {
  const queue = await createQueue()
  const bodies = Array.from({ length: 200 }, (_, n) => `${n}`)
  const done = []
  const work = async message => { done.push(message.Body) }
  const workers = Array.from({ length: 6 }, () => new Worker(queue, work))
  for (const worker of workers) worker.start()
  await fill(queue, bodies)
  await eventually(async () => done.length >= 200 && await isEmpty(queue), 'all jobs done')
  await Promise.all(workers.map(worker => worker.stop()))
  assert.deepEqual(done.sort(), bodies.sort())
})
