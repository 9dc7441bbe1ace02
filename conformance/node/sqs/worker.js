'use strict'
// Workers as job runners such as Shoryuken have them: batches of ten, a heartbeat that keeps what is
// worked on hidden, a longer wait after each failure, and deletes in batches.

const {
  ChangeMessageVisibilityBatchCommand, ChangeMessageVisibilityCommand, DeleteMessageBatchCommand,
} = require('@aws-sdk/client-sqs')
const { receive, sqs } = require('./clients')

class Worker {
  #stopping = new AbortController()
  #running

  // `work` is called for each message. `backoff` gives the seconds to wait after so many receives.
  constructor(queue, work, { visibility = 30, backoff } = {}) {
    Object.assign(this, { queue, work, visibility, backoff, failures: 0 })
  }

  start() {
    this.#running = this.#run()
    return this
  }

  // Ends after what it has at hand.
  async stop() {
    this.#stopping.abort()
    await this.#running
  }

  async #run() {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const batch = await this.#poll(signal)
      if (batch.length === 0) continue
      // Of a batch of a group the later ones depend on the earlier ones.
      const isFifo = this.queue.endsWith('.fifo')
      const open = new Map(batch.map(message => [message.MessageId, message]))
      const heartbeat = setInterval(() => this.#extend(open), (this.visibility * 1000) / 3)
      const done = []
      try {
        const one = message => this.#perform(message, done, open)
        if (isFifo) {
          for (const message of batch) if (!await one(message)) break
        } else {
          await Promise.all(batch.map(one))
        }
      } finally {
        clearInterval(heartbeat)
      }
      await this.#delete(done)
    }
  }

  async #poll(abortSignal) {
    try {
      return await receive(this.queue, {
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 20,
        VisibilityTimeout: this.visibility,
        MessageSystemAttributeNames: ['All'],
      }, { abortSignal })
    } catch (error) {
      if (error.name === 'AbortError') return []
      throw error
    }
  }

  async #perform(message, done, open) {
    try {
      await this.work(message)
      done.push(message)
      return true
    } catch {
      this.failures += 1
      open.delete(message.MessageId)
      const receives = Number(message.Attributes.ApproximateReceiveCount)
      await sqs.send(new ChangeMessageVisibilityCommand({
        QueueUrl: this.queue,
        ReceiptHandle: message.ReceiptHandle,
        VisibilityTimeout: this.backoff ? this.backoff(receives) : 0,
      }))
      return false
    }
  }

  async #extend(open) {
    const Entries = [...open.values()].map((message, n) => ({
      Id: `${n}`, ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: this.visibility,
    }))
    if (Entries.length === 0) return
    await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: this.queue, Entries }))
  }

  async #delete(done) {
    if (done.length === 0) return
    const Entries = done.map((message, n) => (
      { Id: `${n}`, ReceiptHandle: message.ReceiptHandle }
    ))
    const command = new DeleteMessageBatchCommand({ QueueUrl: this.queue, Entries })
    const { Failed = [] } = await sqs.send(command)
    if (Failed.length > 0) throw new Error(`not deleted: ${JSON.stringify(Failed)}`)
  }
}

module.exports = { Worker }
