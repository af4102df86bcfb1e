import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Mode } from '../../../harness/modes.ts'
import type { Result, Window } from '../../../harness/result/schema.ts'
import { analyse } from '../../../reports/analyse.ts'
import { compareRuns } from '../../../reports/compare/compare.ts'
import { compareHtml } from '../../../reports/compare/html.ts'
import { compareMarkdown } from '../../../reports/compare/markdown.ts'
import { compareTerminal } from '../../../reports/compare/terminal.ts'
import { compareSentence, pairLines } from '../../../reports/compare/wording.ts'
import { plain } from '../../../reports/terminal/paint.ts'
import { assertGolden } from '../../fixtures/golden.ts'
import { makeResult } from '../../fixtures/result.ts'

const shown: readonly Mode[] = ['sidecar', 'ambient']

function run(name: string, seed: number, change?: (window: Window, mode: Mode) => Window): Result {
  const made = makeResult({ seed, modes: shown, ...(change && { change }) })
  return analyse({ ...made, runId: name })
}

/** ztunnels that hold twice as much memory. */
function fatter(window: Window): Window {
  const { ztunnel } = window.memory
  if (ztunnel === undefined) return window
  const memory = {
    ...window.memory,
    ztunnel: { ...ztunnel, pssBytes: 2 * (ztunnel.pssBytes ?? 0) },
  }
  return { ...window, memory }
}

const before = run('old', 7)
const after = run('new', 9, fatter)
const found = compareRuns(before, after)

test('only what differs gets a direction', () => {
  const different = found.changes.filter(({ direction }) => direction !== null)
  assert.deepEqual(
    different.map(({ mode, metric, direction }) => [mode, metric.id, direction]),
    [['ambient', 'proxyPssMiB', 'more']],
  )
  assert.match(
    compareSentence(found),
    /^1 worse: proxy memory \(PSS\) of ambient \+10\d %\. No difference detected in the other \d\d figures\.$/,
  )
})

test('terminal and Markdown spell out what differs alone', () => {
  const text = compareTerminal(found, plain)
  assert.match(text, /\nambient +Proxy memory \(PSS\) +MiB +3\d\.?\d? +6\d\.?\d? +\+\d+ % /)
  assert.doesNotMatch(text, /Latency/)
  assertGolden('compare.txt', text)
  const markdown = compareMarkdown(found)
  const [open = '', folded = ''] = markdown.split('<details>')
  assert.match(open, /Proxy memory \(PSS\)/)
  assert.doesNotMatch(open, /Latency/)
  assert.match(folded, /Latency p99/)
})

test('of many changes the largest are named and the rest is counted', () => {
  const slower = (window: Window, mode: Mode): Window => {
    const { p50, p90, p99 } = window.latencyUs
    const times = (us: number | null, by: number) => (us === null ? null : us * by)
    const latencyUs = { ...window.latencyUs, p50: times(p50, 1.5), p90: times(p90, 3) }
    return mode === 'ambient' ? { ...fatter(window), latencyUs: { ...latencyUs, p99 } } : window
  }
  const more = compareRuns(before, run('new', 9, slower))
  assert.match(
    compareSentence(more),
    /^3 worse: latency p90 of ambient \+4(\.\d+)? ms, proxy memory \(PSS\) of ambient \+10\d %, latency p50/,
  )
  const all = compareRuns(
    before,
    run('new', 9, (window, mode) => ({ ...slower(window, mode), achievedRate: 200 })),
  )
  assert.match(
    compareSentence(all),
    /, and 2 more\. No difference detected in the other 25 figures/,
  )
})

test('a saving that turned into a cost says so by its sign', () => {
  const worse = run('new', 9, (window) => {
    const { ztunnel } = window.memory
    const memory = { ...window.memory, ...(ztunnel && { ztunnel: { ...ztunnel, pssBytes: 1e9 } }) }
    return { ...window, memory }
  })
  assert.match(
    pairLines(compareRuns(before, worse)).join(),
    /ambient against sidecar, proxy memory: -\d+ % then, \+\d+ % now/,
  )
})

test('the page folds what does not differ under its count', () => {
  const page = compareHtml(found)
  assert.match(page, /<details><summary>No difference detected: \d\d figures<\/summary>/)
  assert.match(page, /▲ more/)
  assert.doesNotMatch(page, /NaN|Infinity|undefined|could not be shown/)
})

const apart: readonly [string, Result, RegExp][] = [
  [
    'another machine',
    { ...after, environment: { ...after.environment, cpuModel: 'Other CPU' } },
    /^The new run was made on another machine \(CPU: Other CPU here, Invented CPU 3000/,
  ],
  [
    'another load',
    { ...after, options: { ...after.options, connections: 99 } },
    /^The new run was made under another load \(connections: 99 here, 16 in the old run\)/,
  ],
  [
    'another place of the load',
    { ...after, options: { ...after.options, sameNode: true } },
    /^The new run was made under another load \(load and workload on one node: true here, false in/,
  ],
  [
    'a run that is not valid',
    { ...after, validity: { verdict: 'invalid', findings: [] } },
    /^The new run is not valid: /,
  ],
]
for (const [what, other, sentence] of apart) {
  test(`with ${what} figures stand side by side and no direction is given`, () => {
    const side = compareRuns(before, other)
    assert.ok(side.changes.every(({ direction }) => direction === null))
    assert.match(compareSentence(side), sentence)
    assert.match(compareTerminal(side, plain), /Latency p99 .* not comparable/)
    assert.match(compareHtml(side), /<details open>/)
  })
}

test('another Node version is named but rules nothing out', () => {
  const newer = { ...after, environment: { ...after.environment, node: 'v24.0.0' } }
  const text = compareTerminal(compareRuns(before, newer), plain)
  assert.match(text, /differs {2}software: node: v24\.0\.0 here, v20\.20\.2 in the old run/)
  assert.match(text, /\nambient +Proxy memory/)
})

test('a mode of one run alone is named', () => {
  const alone = compareRuns(before, analyse(makeResult({ modes: ['ambient', 'waypoint'] })))
  assert.deepEqual(alone.missing, ['sidecar only in the old run', 'waypoint only in the new run'])
})

test('in turns with other modes memory gets no direction', () => {
  const alone = compareRuns(before, analyse(makeResult({ modes: ['ambient'], change: fatter })))
  const memory = alone.changes.filter(({ metric }) => metric.unit === 'MiB')
  assert.deepEqual(
    memory.map(({ direction }) => direction),
    [null, null, null],
  )
  assert.match(compareTerminal(alone, plain), /differs {2}memory: not judged/)
  const { comparable, changes } = compareRuns(before, after)
  assert.ok(
    comparable && changes.some(({ metric: { id }, direction }) => direction && /Pss/.test(id)),
  )
})

test('too few windows give an indication and say so', () => {
  const short = (name: string, change?: (window: Window) => Window) =>
    analyse({ ...makeResult({ rounds: 3, modes: shown, ...(change && { change }) }), runId: name })
  const quick = compareRuns(short('a'), short('b', fatter))
  assert.match(compareSentence(quick), /^1 worse: .* With 3 windows a side this is an indication/)
  assert.match(compareTerminal(quick, plain), /more in all 3 repeats/)
})
