import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Window } from '../../harness/result/schema.ts'
import { isValid, judgeRun } from '../../harness/validity/run.ts'
import { judgeWindow, type WindowFacts } from '../../harness/validity/window.ts'
import { healthyWindow, latency, runOptions } from '../support/windows.ts'

function judge(changes: Partial<Window> = {}, facts: Partial<WindowFacts> = {}): string[] {
  return judgeWindow({
    mode: 'sidecar',
    window: healthyWindow(changes),
    options: runOptions(),
    lost: [],
    ...facts,
  }).map(({ code, severity }) => `${severity} ${code}`)
}

const generator = (changes: Partial<Window['generator']>): Partial<Window> => ({
  generator: { ...healthyWindow().generator, ...changes },
})
const outcomes = (changes: Partial<Window['outcomes']>): Partial<Window> => ({
  outcomes: { ...healthyWindow().outcomes, ...changes },
})
const stillHost = { clockJumpMs: 0, cpuMhzBefore: null, cpuMhzAfter: null } as const
const node = (changes: Partial<NonNullable<Window['nodeCpu']>>): Partial<Window> => ({
  nodeCpu: { ...(healthyWindow().nodeCpu as NonNullable<Window['nodeCpu']>), ...changes },
})

test('a healthy window has no findings', () => {
  assert.deepEqual(judge(), [])
})

const table: readonly [name: string, changes: Partial<Window>, expected: readonly string[]][] = [
  ['a generator at 79 % of its core is trusted', generator({ cores: 0.79 }), []],
  [
    'a generator above 80 % of its core is not',
    generator({ cores: 0.81 }),
    ['error generator-saturated'],
  ],
  ['a p99 lag above 2 ms is a warning', generator({ lagUsP99: 2001 }), ['warning generator-late']],
  [
    'a p99 lag of 40 ms, as a busy CI machine has it, is still only a warning',
    generator({ lagUsP99: 40_000 }),
    ['warning generator-late'],
  ],
  ['a median lag above 5 ms is an error', generator({ lagUsP50: 5001 }), ['error generator-late']],
  ['answers within 1 % of the offered rate are fine', { achievedRate: 396.1 }, []],
  ['answers 2 % below the offered rate are not', { achievedRate: 392 }, ['error rate-missed']],
  ['a backlog of a tenth of the window is a hiccup', { outstandingAtEnd: 120 }, []],
  [
    'a larger one means that the mode does not keep up',
    { outstandingAtEnd: 121 },
    ['error saturated'],
  ],
  [
    'a backlog of less than 250 ms of load is one stall',
    { durationMs: 500, arrivals: 200, outstandingAtEnd: 90 },
    [],
  ],
  [
    'three requests missing in a short slow window are rounding',
    { offeredRate: 10, achievedRate: 9.2, durationMs: 3000 },
    [],
  ],
  [
    'one failed request is a warning',
    outcomes({ ok: 1199, reset: 1 }),
    ['warning requests-failed'],
  ],
  [
    'more than 1 % failed requests are an error',
    outcomes({ ok: 1185, timeout: 15 }),
    ['error requests-failed'],
  ],
  [
    'unanswered requests count as failed',
    outcomes({ ok: 1180, unanswered: 20 }),
    ['error requests-failed'],
  ],
  [
    'reconnects beyond a thousandth are a warning',
    generator({ connectionsClosedEarly: 2 }),
    ['warning connection-churn'],
  ],
  ['too few answers for a p99 are a warning', { latencyUs: latency(999) }, ['warning few-samples']],
  ['too few for a median are an error', { latencyUs: latency(19) }, ['error few-samples']],
  [
    'a neighbour at more than 10 % of the machine is a warning',
    node({ remainderUs: 700_000, busyUs: 1_100_000 }),
    ['warning host-busy'],
  ],
  [
    'a machine without idle time is a warning',
    node({ busyUs: 5_900_000, attributedUs: 5_800_000, remainderUs: 80_000 }),
    ['warning host-saturated'],
  ],
  ['stolen time is a warning', node({ stealUs: 400_000 }), ['warning cpu-stolen']],
  [
    'roles adding up to more than the machine spent are a warning',
    node({ remainderUs: -60_000 }),
    ['warning cpu-account-open'],
  ],
  [
    'half as much unaccounted CPU as the run used is a warning',
    node({ attributedUs: 200_000, remainderUs: 110_000 }),
    ['warning cpu-unattributed'],
  ],
  [
    'CPUs that slow down by more than a tenth are a warning',
    { host: { clockJumpMs: 0, cpuMhzBefore: 3400, cpuMhzAfter: 2800 } },
    ['warning cpu-frequency-changed'],
  ],
  [
    'a container whose quota held processes back for a hundredth of the window is a warning',
    { host: { ...stillHost, throttledUs: 30_000 } },
    ['warning cpu-throttled'],
  ],
  [
    'for longer, its CPU and latency are those of the quota',
    { host: { ...stillHost, throttledUs: 30_001 } },
    ['error cpu-throttled'],
  ],
  [
    'CPUs of unknown speed are no finding',
    { host: { clockJumpMs: 0, cpuMhzBefore: null, cpuMhzAfter: 2800 } },
    [],
  ],
  [
    'a wall clock set back by a second is a warning',
    { host: { clockJumpMs: -1000, cpuMhzBefore: null, cpuMhzAfter: null } },
    ['warning clock-jumped'],
  ],
  [
    'a wall clock slewed by NTP is no finding',
    { host: { clockJumpMs: 1.5, cpuMhzBefore: null, cpuMhzAfter: null } },
    [],
  ],
  [
    'a load that still moved when the warm-up had to end is a warning',
    {
      steady: {
        reached: false,
        cutMs: 8000,
        slices: 32,
        moving: [{ series: 'cpu', slope: -0.3, step: -0.2 }],
      },
    },
    ['warning not-steady'],
  ],
  ['a platform without node counters is no finding', { nodeCpu: null }, []],
]

for (const [name, changes, expected] of table) {
  test(name, () => assert.deepEqual(judge(changes), expected))
}

test('a proxy that ended mid-window makes the window invalid and is named', () => {
  const process = { pid: 12, role: 'ztunnel', owner: 'istio-system/ztunnel-x/istio-proxy' } as const
  const [finding] = judgeWindow({
    mode: 'ambient',
    window: healthyWindow({ round: 2 }),
    options: runOptions(),
    lost: [{ process, why: 'ended' }],
  })
  assert.equal(finding?.code, 'proxy-restarted')
  assert.equal(finding?.severity, 'error')
  assert.equal(finding?.mode, 'ambient')
  assert.equal(finding?.round, 2)
  assert.match(finding?.message ?? '', /istio-system\/ztunnel-x\/istio-proxy/)
})

test('a window whose path is not proved is invalid', () => {
  assert.deepEqual(judge({}, { unproved: '0 requests at the waypoint' }), [
    'error mode-not-verified',
  ])
})

test('in a closed loop neither rate nor lag is judged, and a saturated generator only warns', () => {
  const changes: Partial<Window> = { achievedRate: 0, ...generator({ cores: 1, lagUsP50: 1e6 }) }
  assert.deepEqual(judge(changes, { options: runOptions({ model: 'closed' }) }), [
    'warning generator-saturated',
  ])
})

const mode = (windows: Window[]) => ({
  namespace: 'mb-sidecar',
  verified: { ok: true, evidence: [] },
  windows,
  summary: {},
})
const warning = { code: 'host-busy', severity: 'warning', message: 'busy', value: 0.2 } as const
const error = { code: 'rate-missed', severity: 'error', message: 'missed', value: 0.3 } as const

test('a run with warnings alone is valid, and says each of them once per mode', () => {
  const windows = [0.2, 0.4, 0.3].map((value, round) =>
    healthyWindow({ round: round + 1, findings: [{ ...warning, value }] }),
  )
  const validity = judgeRun({
    status: 'complete',
    options: runOptions({ modes: ['sidecar'] }),
    modes: { sidecar: mode(windows) },
  })
  assert.equal(validity.verdict, 'valid')
  assert.deepEqual(
    validity.findings.map(({ code, value, message }) => [code, value, message]),
    [['host-busy', 0.4, 'busy (worst of 3 windows)']],
  )
})

test('one invalid window makes the run invalid', () => {
  const windows = [healthyWindow(), healthyWindow({ round: 2, findings: [error] })]
  const validity = judgeRun({
    status: 'complete',
    options: runOptions({ modes: ['sidecar'] }),
    modes: { sidecar: mode(windows) },
  })
  assert.equal(validity.verdict, 'invalid')
  assert.deepEqual(windows.map(isValid), [true, false])
})

test('a mode that never had a valid window is said so', () => {
  const { findings } = judgeRun({
    status: 'complete',
    options: runOptions({ modes: ['sidecar'] }),
    modes: { sidecar: mode([healthyWindow({ findings: [error] })]) },
  })
  assert.ok(findings.some(({ code }) => code === 'mode-without-window'))
})

test('an interrupted run is inconclusive, whatever it had measured', () => {
  const { verdict } = judgeRun({
    status: 'interrupted',
    options: runOptions({ modes: ['sidecar'] }),
    modes: { sidecar: mode([healthyWindow()]) },
  })
  assert.equal(verdict, 'inconclusive')
})
