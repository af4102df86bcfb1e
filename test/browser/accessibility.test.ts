import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { analyse } from '../../reports/analyse.ts'
import { compareRuns } from '../../reports/compare/compare.ts'
import { compareHtml } from '../../reports/compare/html.ts'
import { checkGates } from '../../reports/gates/check.ts'
import { gatesFile } from '../../reports/gates/rules.ts'
import { historyHtml } from '../../reports/history/html.ts'
import { reportHtml } from '../../reports/html/report.ts'
import { rehearsalHtml } from '../../reports/rehearsal/report.ts'
import { sweepHtml } from '../../reports/sweep/html.ts'
import { rehearsal } from '../fixtures/rehearsal.ts'
import { makeResult } from '../fixtures/result.ts'
import { makeSweep } from '../fixtures/sweep.ts'
import { openPages, skip } from './pages.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

const visit = openPages(async () => {
  const warned = analyse(
    makeResult({
      rounds: 4,
      failEvery: 500,
      change: (window, mode) =>
        mode === 'sidecar'
          ? { ...window, findings: [{ code: 'busy', severity: 'warning', message: 'busy' }] }
          : window,
    }),
  )
  const rule = { metric: 'latencyP99Ms', mode: 'ambient' }
  const rules = [
    { ...rule, max: 1 },
    { ...rule, max: 99 },
    { ...rule, max: 3, level: 'warn' },
    { ...rule, against: 'saved', max: '5 %' },
  ]
  const gates = checkGates(warned, gatesFile.parse({ rules }), { file: 'gates.yaml' })
  const newer = analyse({ ...makeResult({ rounds: 4, seed: 3, failEvery: 100 }), runId: 'newer' })
  return {
    report: await reportHtml({ ...warned, gates }, { interactive: true }),
    invalid: await reportHtml(
      { ...warned, validity: { verdict: 'invalid', findings: [] } },
      { interactive: false },
    ),
    compare: compareHtml(compareRuns(warned, newer)),
    sweep: await sweepHtml(makeSweep({ findings: ['CPU per request'] })),
    rehearsal: await rehearsalHtml(rehearsal()),
    history: await historyHtml([warned, newer], [{ name: 'odd', reason: 'cut' }], '0.1.0'),
  }
})

const everything = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
/** All that another theme can change. */
const colours = ['cat.color']

for (const name of ['report', 'invalid', 'compare', 'history', 'sweep', 'rehearsal']) {
  for (const width of [320, 1200]) {
    test(`axe finds nothing against the ${name} page, light and dark, ${width} px wide`, {
      skip,
    }, async () => {
      const options = { colorScheme: 'light', viewport: { width, height: 800 } } as const
      await visit(name, options, async ({ page, url, complaints, requests }) => {
        await page.evaluate("for (const e of document.querySelectorAll('details')) e.open = true")
        await page.evaluate(axe)
        for (const [colorScheme, rules] of [
          ['light', everything],
          ['dark', colours],
        ] as const) {
          await page.emulateMedia({ colorScheme })
          const run = `axe.run(document, { resultTypes: ['violations'], runOnly: ${JSON.stringify(rules)} })`
          const { violations } = (await page.evaluate(run)) as { violations: Violation[] }
          assert.deepEqual(
            violations.map(({ id, nodes }) => [
              id,
              nodes.map((node) => [node.html, node.failureSummary]),
            ]),
            [],
          )
        }
        const widest = await page.evaluate<number>('document.documentElement.scrollWidth')
        assert.equal(widest, width, 'only tables scroll sideways')
        assert.deepEqual(complaints, [])
        assert.deepEqual(requests, [url])
      })
    })
  }
}
