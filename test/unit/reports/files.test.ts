import assert from 'node:assert/strict'
import { test } from 'node:test'
import { analyse } from '../../../reports/analyse.ts'
import { summaryCsv } from '../../../reports/csv/summary.ts'
import { windowsCsv } from '../../../reports/csv/windows.ts'
import { summaryMarkdown } from '../../../reports/markdown/summary.ts'
import { parseFormats, renderAll } from '../../../reports/render.ts'
import { assertGolden } from '../../fixtures/golden.ts'
import { makeResult } from '../../fixtures/result.ts'

const small = analyse(makeResult({ modes: ['sidecar', 'ambient'], rounds: 2 }))

test('the files of a run have their names and their content', async () => {
  const files = await renderAll(small, ['csv', 'md'])
  assert.deepEqual(
    files.map(({ name }) => name),
    ['windows.csv', 'summary.csv', 'summary.md'],
  )
  for (const { name, content } of files) assertGolden(name, content)
})

test('an unknown format is a usage error that lists the known ones', () => {
  assert.deepEqual(parseFormats('md, csv'), ['md', 'csv'])
  assert.throws(() => parseFormats('html,pdf'), {
    code: 'report-format-unknown',
    exitCode: 2,
    hint: /^Choose from: html, csv, md, junit, svg, /,
  })
})

test('windows.csv has every window in the order it ran, valid or not', () => {
  const spoilt = makeResult({
    modes: ['sidecar', 'ambient'],
    rounds: 2,
    change: (window, mode) =>
      mode === 'ambient' && window.round === 1
        ? { ...window, findings: [{ code: 'x', severity: 'error', message: 'm' }] }
        : window,
  })
  const rows = windowsCsv(spoilt)
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','))
  const head = rows[0] ?? []
  const of = (row: string[], column: string): string => row[head.indexOf(column)] ?? ''
  const p50 = rows.filter((row) => of(row, 'metric') === 'latencyP50Ms')
  assert.deepEqual(
    p50.map((row) => of(row, 'position')),
    ['0', '1', '2', '3'],
  )
  assert.equal(p50.filter((row) => of(row, 'valid') === 'false').length, 1)
  assert.ok(rows.every((row) => row.length === head.length))
})

test('a name that a spreadsheet would run is defused, negative numbers are not', () => {
  const hostile = { ...small, options: { ...small.options, workload: '=HYPERLINK("http://x")' } }
  const text = summaryCsv(hostile)
  assert.match(text, /,"'=HYPERLINK\(""http:\/\/x""\)",/)
  assert.match(text, /,-\d+(\.\d+)?,/)
})

test('Markdown in a name stays a name', () => {
  const hostile = {
    ...small,
    options: { ...small.options, workload: '<img src=x> @team | [a](b)\n# h' },
  }
  const first = summaryMarkdown(hostile).split('\n')[0] ?? ''
  assert.match(first, /&lt;img src=x> @\u200bteam \\\| \\\[a\\\]\(b\) \\# h/)
})

test('a summary is about ten lines, and a run that is not valid says so first', () => {
  assert.ok(summaryMarkdown(small).split('\n').length <= 12)
  const invalid = summaryMarkdown({
    ...small,
    validity: { verdict: 'invalid', findings: [] },
  })
  assert.match(invalid.split('\n')[2] ?? '', /^> \*\*This measurement is not valid/)
})
