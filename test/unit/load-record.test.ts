import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as hdr from 'hdr-histogram-js'
import { Distribution } from '../../harness/load/distribution.ts'
import { Fifo } from '../../harness/load/fifo.ts'
import { parsePlan } from '../../harness/load/plan.ts'
import { LoadRecord } from '../../harness/load/record.ts'
import type { LoadRequest, Outcome } from '../../harness/load/request.ts'

const outcomes = ['ok', 'non2xx', 'timeout', 'reset', 'connectFailed', 'unanswered'] as const

test('a percentile is null unless ten samples lie beyond it', () => {
  const distribution = new Distribution()
  assert.deepEqual(
    { ...distribution.summary(), histogram: '' },
    {
      n: 0,
      mean: null,
      p50: null,
      p75: null,
      p90: null,
      p95: null,
      p99: null,
      p999: null,
      max: null,
      histogram: '',
    },
  )
  const atCount = (n: number, p: number): number | null => {
    while (distribution.n < n) distribution.record(100)
    return distribution.percentile(p)
  }
  assert.equal(atCount(19, 0.5), null)
  assert.equal(atCount(20, 0.5), 100)
  assert.equal(atCount(99, 0.9), null)
  assert.equal(atCount(100, 0.9), 100)
  assert.equal(atCount(999, 0.99), null)
  assert.equal(atCount(1000, 0.99), 100)
  assert.equal(atCount(9999, 0.999), null)
  assert.equal(atCount(10000, 0.999), 100)
})

test('a distribution keeps three digits from 1 µs to 60 s and caps what is longer', () => {
  for (const us of [1, 87, 1_234, 50_700, 9_999_999, 60_000_000]) {
    const distribution = new Distribution()
    for (let n = 0; n < 20; n += 1) distribution.record(us)
    const p50 = distribution.percentile(0.5) ?? 0
    assert.ok(Math.abs(p50 - us) <= us / 1000, `${us} µs reads ${p50} µs`)
  }
  const distribution = new Distribution()
  distribution.record(90_000_000)
  assert.equal(distribution.summary().max, 60_000_000)
})

test('serialised histograms of two windows merge into the histogram of both', () => {
  const all = new Distribution()
  const halves = [new Distribution(), new Distribution()]
  for (let n = 0; n < 4_000; n += 1) {
    const us = (n * 7919) % 100_003
    all.record(us)
    halves[n % 2]?.record(us)
  }
  const [merged, other] = halves.map((half) =>
    hdr.decodeFromCompressedBase64(half.summary().histogram),
  )
  if (merged === undefined || other === undefined) throw new Error('two histograms')
  merged.add(other)
  assert.equal(merged.totalCount, 4_000)
  for (const p of [50, 90, 99]) {
    assert.equal(merged.getValueAtPercentile(p), all.percentile(p / 100))
  }
})

test('every measured request ends in exactly one outcome, whatever happens to it', () => {
  const arrival = fc.record({ outcome: fc.constantFrom(...outcomes), measured: fc.boolean() })
  fc.assert(
    fc.property(fc.array(arrival), fc.array(fc.nat(50)), (arrivals, cuts) => {
      const record = new LoadRecord({ model: 'open', windowMs: 1_000 })
      arrivals.forEach(({ outcome, measured }, index) => {
        const request: LoadRequest = { intendedUs: index, dueUs: index, sentUs: index, measured }
        record.arrived(request)
        record.settled(request, outcome, index + 100, 10)
        if (cuts.includes(index)) record.closePoint(index + 1)
      })
      record.closePoint(10_000)
      const result = record.finish(10_000)
      const measured = arrivals.filter((one) => one.measured)
      const count = (outcome: Outcome): number =>
        measured.filter((one) => one.outcome === outcome).length
      for (const outcome of outcomes) assert.equal(result.outcomes[outcome], count(outcome))
      const sum = Object.values(result.outcomes).reduce((total, value) => total + value, 0)
      assert.equal(sum, result.arrivals)
      assert.equal(result.latencyUs.n, count('ok'))
      assert.equal(result.serviceTimeUs.n, count('ok'))
      assert.equal(result.failedLatencyUs.n, sum - count('ok') - count('unanswered'))
      const points = result.points.reduce((total, point) => total + point.ok + point.failed, 0)
      assert.equal(points, result.arrivals)
    }),
  )
})

test('a record with a request nobody settled refuses to give figures', () => {
  const record = new LoadRecord({ model: 'open', windowMs: 1_000 })
  record.arrived({ intendedUs: 0, dueUs: 0, sentUs: 0, measured: true })
  assert.throws(() => record.finish(1000), { code: 'accounting-broken', exitCode: 70 })
})

test('a queue gives back what went in, in order, at any length', () => {
  const queue = new Fifo<number>()
  let next = 0
  for (let n = 0; n < 10_000; n += 1) {
    queue.push(n)
    if (n % 3 !== 0) assert.equal(queue.shift(), next++)
  }
  while (queue.size > 0) assert.equal(queue.shift(), next++)
  assert.equal(next, 10_000)
  assert.equal(queue.shift(), undefined)
})

test('an unusable plan is refused naming each field at fault', () => {
  assert.throws(() => parsePlan('{'), { code: 'plan-invalid', exitCode: 2, message: /not JSON/ })
  const plan = {
    service: 'echo',
    path: 'x',
    method: 'GET',
    requestBytes: 5,
    headers: { a: 'b\r\nc: d' },
    model: 'open',
    ratePerSecond: -1,
    arrivals: 'uniform',
    connections: 0,
    keepAlive: true,
    timeoutMs: 1000,
    warmupMs: 0,
    windowMs: 1000,
    seed: 1,
  }
  for (const field of ['path', 'headers.a', 'ratePerSecond', 'connections']) {
    assert.throws(() => parsePlan(JSON.stringify(plan)), { message: new RegExp(`${field}: `) })
  }
  const usable = { ...plan, path: '/', headers: {}, connections: 1 }
  assert.throws(() => parsePlan(JSON.stringify({ ...usable, ratePerSecond: 0, requestBytes: 0 })), {
    message: /ratePerSecond: must be above 0/,
  })
  assert.throws(() => parsePlan(JSON.stringify({ ...usable, ratePerSecond: 1 })), {
    message: /a GET carries no body/,
  })
})
