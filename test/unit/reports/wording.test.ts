import assert from 'node:assert/strict'
import { test } from 'node:test'
import { analyse } from '../../../reports/analyse.ts'
import { niceCeiling, spread } from '../../../reports/charts/scale.ts'
import { metricOf } from '../../../reports/metrics.ts'
import { estimateText } from '../../../reports/wording/difference.ts'
import { findingsOf } from '../../../reports/wording/findings.ts'
import { ascii, formatNumber, typographic } from '../../../reports/wording/numbers.ts'
import { verdictSentence } from '../../../reports/wording/verdict.ts'
import { makeResult } from '../../fixtures/result.ts'

test('numbers have three significant digits, fewer where the interval is wide', () => {
  assert.equal(formatNumber(0.50123, 3), '0.501')
  assert.equal(formatNumber(12.345, 3), '12.3')
  assert.equal(formatNumber(96_123.4, 2), '96,123')
  assert.equal(formatNumber(5.123, 2, ascii, 0.4), '5.1')
  assert.equal(formatNumber(-1234.5, 0, typographic), '\u22121\u202f235')
  assert.equal(formatNumber(-0.0001, 2), '0.00')
  assert.equal(formatNumber(0, 3), '0')
})

test('a skewed interval is given by its ends, because half its width would reach below zero', () => {
  const estimate = { value: 2, ciLow: 1.4, ciHigh: 62, n: 3, values: [1.4, 2, 62] }
  assert.deepEqual(estimateText(metricOf('latencyP99Ms'), estimate), {
    value: '2.0',
    spread: '[1.4, 62.0]',
  })
  const even = { value: 2, ciLow: 1.9, ciHigh: 2.1, n: 3, values: [1.9, 2, 2.1] }
  assert.deepEqual(estimateText(metricOf('latencyP99Ms'), even), { value: '2.0', spread: '±0.1' })
})

test('the verdict against a baseline names what the proxies take', () => {
  const result = analyse(makeResult({ modes: ['baseline', 'ambient'] }))
  assert.match(
    verdictSentence(result, ascii),
    /^At 400 req\/s open loop, against baseline, median latency was 0\.5\d ms higher .* The proxies of ambient took 1\d\d ms of CPU per 1,000 requests and 3\d(\.\d)? MiB of memory\.$/,
  )
})

test('modes that do not differ get no direction in the verdict', () => {
  const same = makeResult({ modes: ['sidecar', 'ambient'], seed: 21 })
  const windows = same.modes.sidecar?.windows ?? []
  const twin = windows.map((window, at) => ({ ...window, ...windows[(at + 1) % 6], round: at + 1 }))
  const result = analyse({
    ...same,
    modes: {
      ...same.modes,
      ambient: { namespace: 'x', verified: { ok: true, evidence: [] }, windows: twin, summary: {} },
    },
  })
  const sentence = verdictSentence(result, ascii)
  assert.match(sentence, /no difference in .* was detected/)
  assert.doesNotMatch(sentence, /less|more|lower|higher|equal/)
})

test('findings of one cause become one, with the windows it was found in', () => {
  const result = makeResult({
    rounds: 3,
    change: (window, mode) =>
      mode === 'sidecar' || (mode === 'ambient' && window.round === 2)
        ? { ...window, findings: [{ code: 'busy', severity: 'warning', message: 'busy' }] }
        : window,
  })
  assert.deepEqual(findingsOf(result), [
    {
      severity: 'warning',
      code: 'busy',
      message: 'busy',
      hint: undefined,
      where: 'sidecar; ambient round 2',
    },
  ])
})

test('labels keep their order and come to stand apart, inside the chart', () => {
  const placed = spread([{ y: 9.9 }, { y: 9.8 }, { y: 1 }, { y: 10 }], 1, 10)
  assert.deepEqual(
    placed.map(({ y }) => Math.round(10 * y) / 10),
    [1, 8, 9, 10],
  )
})

test('an axis ends at a round number at or above the data', () => {
  assert.equal(niceCeiling(6.1), 8)
  assert.equal(niceCeiling(0.162), 0.2)
  assert.equal(niceCeiling(538), 600)
  assert.equal(niceCeiling(0), 1)
})

test('one repeat is not said to lie within any noise', () => {
  const single = analyse(makeResult({ rounds: 1 }))
  const sentence = verdictSentence(single, ascii)
  assert.match(sentence, /one repeat cannot tell a difference in /)
  assert.doesNotMatch(sentence, /within the noise/)
})
