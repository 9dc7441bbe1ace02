'use strict'
// A Forebay of the case's own, which is killed and started again at the same address.

const { spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

class Server {
  constructor() {
    this.folder = fs.mkdtempSync(path.join(process.env.TMPDIR ?? os.tmpdir(), 'forebay-crowd-'))
    this.ready = path.join(this.folder, 'ready.json')
    this.aws = '127.0.0.1:0'
    this.over = false
    // No way out of this process leaves the server behind.
    process.on('exit', () => this.process?.kill('SIGKILL'))
  }

  async start() {
    if (this.over) return this
    fs.rmSync(this.ready, { force: true })
    const log = fs.openSync(path.join(this.folder, 'log'), 'a')
    this.process = spawn(process.env.FOREBAY, [
      'serve', '--kafka', '127.0.0.1:0', '--amqp', 'off', '--admin', '127.0.0.1:0',
      '--aws', this.aws, '--data', path.join(this.folder, 'data'), '--ready-file', this.ready,
    ], { stdio: ['ignore', log, log] })
    fs.closeSync(log)
    const deadline = Date.now() + 30_000
    while (!fs.existsSync(this.ready)) {
      if (this.hasEnded() || Date.now() > deadline) {
        throw new Error(`not ready: ${fs.readFileSync(path.join(this.folder, 'log'))}`)
      }
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    this.aws = JSON.parse(fs.readFileSync(this.ready)).aws
    return this
  }

  // kill -9, and a new start.
  async restart() {
    await this.end('SIGKILL')
    await this.start()
  }

  // For good, however far it is.
  async kill() {
    this.over = true
    if (!this.hasEnded()) await this.end('SIGKILL')
  }

  hasEnded() {
    return this.process.exitCode !== null || this.process.signalCode !== null
  }

  async end(signal) {
    const ended = once(this.process, 'exit')
    this.process.kill(signal)
    const [code] = await ended
    return code
  }

  // SIGTERM; the folder is kept when the case has failed.
  async stop() {
    const code = await this.end('SIGTERM')
    fs.rmSync(this.folder, { recursive: true, force: true })
    return code
  }
}

module.exports = { Server }
