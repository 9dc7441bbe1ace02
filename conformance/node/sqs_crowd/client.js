'use strict'
// SQS in JSON over kept connections: an SDK would take most of the processor for itself.

const http = require('node:http')

const authorization =
  'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, ' +
  `SignedHeaders=host;x-amz-date, Signature=${'0'.repeat(64)}`

// Thrown where nobody knows whether the call was done: the connection ended without an answer.
class Unanswered extends Error {}

// Thrown where the server is there and does not answer, which it never may.
class Silence extends Error {}

// Far longer than any answer takes, and than a poll waits.
const timeout = 30_000

class Client {
  constructor(address) {
    this.closed = false
    this.agent = new http.Agent({ keepAlive: true, maxSockets: 256 })
    const [host, port] = address.split(':')
    this.to = { host, port, method: 'POST', path: '/', agent: this.agent, timeout }
    this.requests = 0
  }

  async call(operation, input) {
    if (this.closed) throw new Error('this client is closed')
    this.requests++
    const body = JSON.stringify(input)
    const headers = {
      'Content-Type': 'application/x-amz-json-1.0',
      'Content-Length': Buffer.byteLength(body),
      'X-Amz-Target': `AmazonSQS.${operation}`,
      'X-Amz-Date': '20260101T000000Z',
      Authorization: authorization,
    }
    return new Promise((resolve, reject) => {
      const lost = error => reject(error instanceof Silence ? error : new Unanswered(error.message))
      const request = http.request({ ...this.to, headers }, response => {
        const parts = []
        response.on('data', part => parts.push(part))
        response.on('error', lost)
        response.on('end', () => {
          const text = Buffer.concat(parts).toString()
          if (response.statusCode === 200) resolve(text ? JSON.parse(text) : {})
          else reject(new Error(`${operation}: ${response.statusCode} ${text}`))
        })
      })
      request.on('error', lost)
      request.on('timeout', () => request.destroy(new Silence(`${operation}: no answer`)))
      request.end(body)
    })
  }

  // Until it is answered; `again` counts the tries that were not.
  async insist(operation, input, again = () => {}) {
    for (;;) {
      try {
        return await this.call(operation, input)
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error
        again()
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    }
  }

  async counts(QueueUrl) {
    const names = ['', 'NotVisible', 'Delayed'].map(kind => `ApproximateNumberOfMessages${kind}`)
    const input = { QueueUrl, AttributeNames: names }
    const { Attributes } = await this.insist('GetQueueAttributes', input)
    return names.map(name => Number(Attributes[name]))
  }

  // Ends what is under way, too.
  close() {
    this.closed = true
    this.agent.destroy()
  }
}

module.exports = { Client, Unanswered }
