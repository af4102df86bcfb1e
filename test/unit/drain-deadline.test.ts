import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drainDeadlineMs, drainDurationMs } from '../../proxies/process/drain.ts'

const cases: readonly [Readonly<Record<string, string>>, number][] = [
  [{}, 5_000],
  [{ TERMINATION_GRACE_PERIOD_SECONDS: '30' }, 25_000],
  [{ TERMINATION_GRACE_PERIOD_SECONDS: '10' }, 9_000],
  [{ TERMINATION_GRACE_PERIOD_SECONDS: '1' }, 1_000],
  [{ TERMINATION_GRACE_PERIOD_SECONDS: 'soon' }, 5_000],
  [{ CONNECTION_TERMINATION_DEADLINE: '2s', TERMINATION_GRACE_PERIOD_SECONDS: '30' }, 2_000],
  [{ CONNECTION_TERMINATION_DEADLINE: '300ms' }, 300],
]

for (const [env, deadlineMs] of cases) {
  test(`K20: ${JSON.stringify(env)} lets connections run for ${deadlineMs} ms`, () => {
    assert.equal(drainDeadlineMs(env), deadlineMs)
  })
}

test('what the configuration no longer allows may go on for 45 s, or what the environment says', () => {
  assert.equal(drainDurationMs({}), 45_000)
  assert.equal(drainDurationMs({ DRAIN_DURATION: '3s' }), 3_000)
  assert.equal(drainDurationMs({ DRAIN_DURATION: 'soon' }), 45_000)
})
