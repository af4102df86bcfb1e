import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Mode } from '../../../harness/modes.ts'
import { type Result, result as schema, type Window } from '../../../harness/result/schema.ts'
import { analyse } from '../../../reports/analyse.ts'
import { indication } from '../../../reports/judge.ts'
import { metrics } from '../../../reports/metrics.ts'
import { makeResult } from '../../fixtures/result.ts'

const found = analyse(makeResult())

function compared(result: Result, base: Mode, other: Mode, metric: string) {
  const comparison = result.comparisons.find(
    (entry) => entry.base === base && entry.other === other && entry.metric === metric,
  )
  assert.ok(comparison !== undefined, `${base} against ${other} by ${metric} is missing`)
  return comparison
}

function withLatency(change: (p50: number, window: Window, mode: Mode) => number | null) {
  return (window: Window, mode: Mode): Window => ({
    ...window,
    latencyUs: { ...window.latencyUs, p50: change(window.latencyUs.p50 ?? 0, window, mode) },
  })
}

test('what analyse returns is a valid result, and making it again gives the same', () => {
  assert.deepEqual(schema.parse(found), found)
  assert.deepEqual(analyse(found), found)
})

test('every mode has a summary of every metric, with one value per valid window', () => {
  for (const mode of ['baseline', 'sidecar', 'ambient', 'waypoint'] as const) {
    const summary = found.modes[mode]?.summary ?? {}
    assert.deepEqual(
      Object.keys(summary),
      metrics.map(({ id }) => id),
    )
    assert.equal(summary.latencyP50Ms?.values.length, 6)
  }
})

test('each mode stands against baseline, both ambient forms against sidecar, waypoint against ambient', () => {
  const pairs = new Set(found.comparisons.map(({ base, other }) => `${base}>${other}`))
  assert.deepEqual([...pairs].sort(), [
    'ambient>waypoint',
    'baseline>ambient',
    'baseline>sidecar',
    'baseline>waypoint',
    'sidecar>ambient',
    'sidecar>waypoint',
  ])
})

test('a clear difference in six repeats is a verdict with its interval on one side of zero', () => {
  const cpu = compared(found, 'sidecar', 'ambient', 'proxyCpuMsPerThousand')
  assert.equal(cpu.verdict, 'less')
  assert.ok((cpu.difference ?? 0) < -200 && (cpu.ciHigh ?? 0) < 0, `${cpu.difference} ms`)
  // All six rounds point the same way, which is as sure as six can be.
  assert.equal(cpu.p, 2 / 64)
  assert.equal(cpu.n, 6)
})

test('a mode is not found different from its own twin', () => {
  const twin = makeResult({ modes: ['sidecar', 'ambient'], seed: 21 })
  const windows = twin.modes.sidecar?.windows ?? []
  const shifted = windows.map((window, at) => ({
    ...window,
    ...windows[(at + 1) % 6],
    round: at + 1,
  }))
  const same = analyse({
    ...twin,
    modes: { sidecar: twin.modes.sidecar, ambient: { ...twin.modes.ambient, windows: shifted } },
  } as Result)
  for (const entry of same.comparisons.filter(({ n }) => n > 0)) {
    assert.equal(entry.verdict, 'no-difference', entry.metric)
  }
})

test('three repeats give differences and an indication, never a verdict', () => {
  const quick = analyse(makeResult({ rounds: 3, quick: true }))
  assert.ok(quick.comparisons.every(({ verdict }) => verdict === 'inconclusive'))
  const cpu = compared(quick, 'sidecar', 'ambient', 'proxyCpuMsPerThousand')
  assert.equal(indication(quick, cpu), 'less')
  assert.ok((cpu.ciLow ?? 0) < (cpu.ciHigh ?? 0) && (cpu.ciHigh ?? 0) < 0)
})

test('repeats that overlap give no indication', () => {
  const overlapping = makeResult({
    rounds: 3,
    change: withLatency((_, { round }, mode) => 1000 + 100 * round + (mode === 'ambient' ? 50 : 0)),
  })
  const result = analyse(overlapping)
  assert.equal(indication(result, compared(result, 'sidecar', 'ambient', 'latencyP50Ms')), null)
})

test('a difference below the least effect is none, however sure', () => {
  const tiny = analyse(
    makeResult({
      change: withLatency((_, { round }, mode) => 1000 + round / 10 + (mode === 'ambient' ? 5 : 0)),
    }),
  )
  const p50 = compared(tiny, 'sidecar', 'ambient', 'latencyP50Ms')
  assert.ok((p50.ciLow ?? 0) > 0, 'the interval leaves out zero')
  assert.equal(p50.verdict, 'no-difference')
})

test('a window with an error does not count, one with a warning does', () => {
  const spoil = (severity: 'error' | 'warning') =>
    analyse(
      makeResult({
        change: (window, mode) =>
          mode === 'sidecar' && window.round === 2
            ? { ...window, findings: [{ code: 'host-busy', severity, message: 'busy' }] }
            : window,
      }),
    )
  assert.equal(spoil('error').modes.sidecar?.summary.latencyP50Ms?.n, 5)
  assert.equal(spoil('warning').modes.sidecar?.summary.latencyP50Ms?.n, 6)
  assert.equal(compared(spoil('error'), 'sidecar', 'ambient', 'latencyP50Ms').n, 5)
})

test('a percentile the samples do not support stays unknown, and is not compared', () => {
  const result = analyse(makeResult({ change: withLatency(() => null) }))
  const summary = result.modes.ambient?.summary.latencyP50Ms
  assert.deepEqual(summary, {
    value: null,
    ciLow: null,
    ciHigh: null,
    n: 0,
    values: [null, null, null, null, null, null],
  })
  const p50 = compared(result, 'sidecar', 'ambient', 'latencyP50Ms')
  assert.deepEqual([p50.verdict, p50.difference, p50.p], ['inconclusive', null, null])
})

test('a baseline has no proxies: their cost is 0; a mesh mode without any was not measured', () => {
  assert.equal(found.modes.baseline?.summary.proxyCpuCores?.value, 0)
  const lost = analyse(makeResult({ change: (window) => ({ ...window, cpu: {} }) }))
  assert.equal(lost.modes.sidecar?.summary.proxyCpuCores?.value, null)
  assert.equal(lost.modes.baseline?.summary.proxyCpuCores?.value, 0)
})

test('memory that one role could not read makes the sum unknown, not too small', () => {
  const result = analyse(
    makeResult({
      change: (window, mode) =>
        mode === 'waypoint' && window.memory.waypoint !== undefined
          ? {
              ...window,
              memory: {
                ...window.memory,
                waypoint: { ...window.memory.waypoint, pssBytes: null },
              },
            }
          : window,
    }),
  )
  assert.equal(result.modes.waypoint?.summary.proxyPssMiB?.value, null)
  assert.ok((result.modes.waypoint?.summary.proxyRssMiB?.value ?? 0) > 100)
})

test('a run of one mode, or of no complete window, is analysed without comparisons', () => {
  const alone = analyse(makeResult({ modes: ['ambient'], rounds: 1 }))
  assert.deepEqual(alone.comparisons, [])
  const made = makeResult({ modes: ['ambient'], rounds: 1 })
  const empty = analyse({
    ...made,
    modes: { ambient: { ...made.modes.ambient, windows: [] } },
  } as Result)
  assert.equal(empty.modes.ambient?.summary.latencyP50Ms?.value, null)
})

test('a noisy third mode hides no difference between two quiet ones', () => {
  const pss: Record<string, (round: number) => number> = {
    sidecar: (round) => 36.5 + 0.1 * round,
    ambient: (round) => 27.3 + 0.1 * round,
    waypoint: (round) => 40 + 15 * round,
  }
  const memory = (window: Window, mode: Mode): Window => {
    const mib = pss[mode]?.(window.round) ?? 0
    const role = { processes: 1, pssBytes: mib * 2 ** 20, privateBytes: null, rssBytes: 1 }
    return { ...window, memory: mib === 0 ? {} : { ztunnel: role } }
  }
  const result = analyse(makeResult({ change: memory }))
  const quiet = compared(result, 'sidecar', 'ambient', 'proxyPssMiB')
  assert.ok(
    (result.noise.proxyPssMiB?.floor ?? 0) > 9.2,
    'pooled over the modes it would be hidden',
  )
  assert.ok((quiet.noiseFloor ?? 9) < 0.5, `floor ${quiet.noiseFloor} MiB`)
  assert.equal(quiet.verdict, 'less')
  const noisy = compared(result, 'sidecar', 'waypoint', 'proxyPssMiB')
  assert.ok((noisy.noiseFloor ?? 0) > 9.2, `floor ${noisy.noiseFloor} MiB`)
})
