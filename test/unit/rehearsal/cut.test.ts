import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TracedRequest } from '../../../harness/load/protocol.ts'
import { latencyIn, timeline, trafficIn } from '../../../harness/rehearsal/cut.ts'
import { LaneLog } from '../../../harness/rehearsal/lane-log.ts'

/** Every 10 ms a request that takes 2 ms, from 0 to `toMs`; `change` may give it another fate. */
function lane(
  toMs: number,
  change: (atMs: number) => TracedRequest | undefined = () => undefined,
): LaneLog {
  const log = new LaneLog()
  log.begin(0)
  for (let atMs = 0; atMs < toMs; atMs += 10) log.add([change(atMs) ?? [atMs, 2_000]])
  log.end(toMs)
  return log
}

test('requests belong to the window they were due in, latency counts from then', () => {
  const steady = lane(30_000)
  const span = { fromMs: 10_000, toMs: 20_000 }
  assert.deepEqual(trafficIn([steady], span), {
    requests: 1_000,
    failedRequests: 0,
    failures: {},
    retriedRequests: 0,
    longestGapMs: 10,
  })
  assert.deepEqual(latencyIn([steady], span), { n: 1_000, p50: 2_000, p99: 2_000, max: 2_000 })
  assert.deepEqual(latencyIn([steady], { fromMs: 0, toMs: 50 }), {
    n: 5,
    p50: null,
    p99: null,
    max: 2_000,
  })
})

test('a failure belongs to the moment it broke, a timeout to the moment it was due', () => {
  const log = lane(3_000, (atMs) => {
    if (atMs === 990) return [990, 40_000, 'ECONNRESET']
    return atMs === 980 ? [980, 5_000_000, 'timeout'] : undefined
  })
  const first = trafficIn([log], { fromMs: 0, toMs: 1_000 })
  const second = trafficIn([log], { fromMs: 1_000, toMs: 2_000 })
  assert.deepEqual(first.failures, { timeout: 1 })
  assert.deepEqual(second.failures, { ECONNRESET: 1 })
  assert.equal(second.requests, 100)
})

test('the longest gap is between good answers of one lane, whatever others get meanwhile', () => {
  const cut = lane(4_000, (atMs) =>
    atMs > 1_000 && atMs < 1_500 ? [atMs, 1_000, '503'] : undefined,
  )
  const { longestGapMs } = trafficIn([lane(4_000), cut], { fromMs: 1_000, toMs: 2_000 })
  assert.equal(longestGapMs, 500)
  assert.equal(trafficIn([cut], { fromMs: 2_000, toMs: 3_000 }).longestGapMs, 10)
})

test('a gap across an edge counts once, where its middle is', () => {
  const log = lane(4_000, (atMs) =>
    atMs >= 900 && atMs < 1_300 ? [atMs, 1_000, '503'] : undefined,
  )
  assert.equal(trafficIn([log], { fromMs: 0, toMs: 1_000 }).longestGapMs, 10)
  assert.equal(trafficIn([log], { fromMs: 1_000, toMs: 2_000 }).longestGapMs, 410)
})

test('a caller that is replaced offers nothing meanwhile, which is no gap', () => {
  const log = new LaneLog()
  log.begin(0)
  for (let atMs = 0; atMs < 1_000; atMs += 10) log.add([[atMs, 2_000]])
  log.end(1_000)
  log.begin(3_000)
  for (let atMs = 3_000; atMs < 4_000; atMs += 10) log.add([[atMs, 2_000]])
  log.end(4_000)
  assert.equal(trafficIn([log], { fromMs: 0, toMs: 4_000 }).longestGapMs, 10)
})

test('without any answer the gap is as long as there was load', () => {
  const log = lane(1_000, (atMs) => [atMs, 1_000, 'ECONNREFUSED'])
  assert.equal(trafficIn([log], { fromMs: 0, toMs: 1_000 }).longestGapMs, 990)
})

test('requests that were sent again count as answered, and are told', () => {
  const log = lane(1_000, (atMs) => (atMs === 500 ? [500, 9_000, null, 1] : undefined))
  const { failedRequests, retriedRequests } = trafficIn([log], { fromMs: 0, toMs: 1_000 })
  assert.deepEqual([failedRequests, retriedRequests], [0, 1])
})

test('the timeline has a point for every bin, empty ones too', () => {
  const log = lane(2_500, (atMs) => (atMs === 1_200 ? [1_200, 3_000, '503'] : undefined))
  const points = timeline([log], { fromMs: 0, toMs: 4_000 }, 1_000)
  assert.deepEqual(
    points.map(({ atMs, requests, failedRequests }) => [atMs, requests, failedRequests]),
    [
      [0, 100, 0],
      [1_000, 100, 1],
      [2_000, 50, 0],
      [3_000, 0, 0],
    ],
  )
  assert.deepEqual([points[0]?.p99Us, points[3]?.p99Us], [2_000, null])
})
