'use strict'
// What was sent, received and deleted, and what must not have been.

const assert = require('node:assert/strict')

// A standard queue: each delivery is one consumer's for the visibility time-out.
class Messages {
  constructor(visibilitySeconds) {
    this.windowMs = visibilitySeconds * 1000
    this.sent = 0
    this.finished = 0
    this.again = 0
    // By message id: when it was last asked for and received.
    this.last = new Map()
    this.gone = new Set()
    this.seen = new Map()
    this.twice = new Set()
    this.done = new Set()
  }

  // The answer to a send was lost: it may have been stored, and is sent once more.
  mayBeTwice(numbers) {
    for (const number of numbers) this.twice.add(number)
  }

  received(messages, asked, answered) {
    for (const { MessageId, Body } of messages) {
      assert.ok(!this.gone.has(MessageId), `${Body} came back after it was deleted`)
      const before = this.last.get(MessageId)
      if (before) {
        // Both deliveries lie between their call and its answer; so far apart they are at most.
        const apart = answered - before.asked
        assert.ok(apart >= this.windowMs, `${Body} went to two consumers within ${apart} ms`)
        this.again++
      } else {
        const number = Number(Body)
        const times = (this.seen.get(number) ?? 0) + 1
        this.seen.set(number, times)
        assert.ok(times === 1 || this.twice.has(number), `${Body} is there ${times} times`)
      }
      this.last.set(MessageId, { asked, answered })
    }
  }

  deleting(messages) {
    // Unless the server says so it is not known to be deleted, but consumed it is.
    for (const { Body } of messages) this.done.add(Number(Body))
    this.finished = this.done.size
  }

  deleted(messages) {
    for (const { MessageId } of messages) {
      this.gone.add(MessageId)
      this.last.delete(MessageId)
    }
  }

  judge(count) {
    assert.equal(this.sent, count)
    for (let number = 0; number < count; number++) {
      assert.ok(this.seen.has(number), `${number} is lost`)
    }
  }

  summary() {
    return `none lost, none shared, none came back; ${this.again} delivered again in their turn`
  }
}

// A FIFO queue: of each group the oldest message that is there, and none out of order.
class Groups {
  constructor(groups, visibilitySeconds) {
    this.groups = groups
    this.windowMs = visibilitySeconds * 1000
    this.sent = 0
    this.finished = 0
    this.again = 0
    // By group: the place of the oldest message that may be there, and of the oldest that must be.
    this.oldest = new Array(groups).fill(0)
    this.certain = new Array(groups).fill(0)
    // By group: when what a consumer works on was asked for.
    this.held = new Map()
  }

  mayBeTwice() {
    // Their ids are known: they are taken once.
  }

  place(body) {
    const number = Number(body)
    return [number % this.groups, Math.floor(number / this.groups)]
  }

  received(messages, asked, answered) {
    const expected = new Map()
    for (const { Body } of messages) {
      const [group, place] = this.place(Body)
      if (expected.has(group)) {
        assert.equal(place, expected.get(group), `group ${group} in one answer`)
      } else {
        const apart = answered - (this.held.get(group) ?? -Infinity)
        assert.ok(apart >= this.windowMs, `group ${group} went to two within ${apart} ms`)
        this.held.set(group, asked)
        assert.ok(place >= this.oldest[group], `group ${group}: ${place} came back`)
        assert.ok(place <= this.certain[group], `group ${group}: ${place} is too early`)
        if (place < this.certain[group]) this.again++
        // What was deleted without an answer before this one is gone.
        this.oldest[group] = place
        this.finished += place - this.certain[group]
        this.certain[group] = place
      }
      expected.set(group, place + 1)
    }
  }

  deleting(messages) {
    for (const { Body } of messages) {
      const [group, place] = this.place(Body)
      this.held.delete(group)
      if (place < this.certain[group]) continue
      this.finished += place + 1 - this.certain[group]
      this.certain[group] = place + 1
    }
  }

  deleted(messages) {
    for (const { Body } of messages) {
      const [group, place] = this.place(Body)
      this.oldest[group] = Math.max(this.oldest[group], place + 1)
    }
  }

  judge(count) {
    assert.equal(this.sent, count)
    // Of what was deleted last the answer may be lost; the queue is empty by now.
    assert.equal(this.certain.reduce((sum, one) => sum + one, 0), count)
  }

  summary() {
    return `${this.groups.toLocaleString('en')} groups in order; ${this.again} begun again`
  }
}

module.exports = { Groups, Messages }
