import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { checks } from '../../../migration/preflight/registry.ts'
import { checkSeverities } from '../../support/check-severities.ts'

const path = resolve(import.meta.dirname, '../../../../docs/preflight.md')
const marker = /<!-- checks: .* -->\n/

const themes: readonly (readonly [string, string])[] = [
  ['MB001', 'Access, control plane and nodes'],
  ['MB020', 'Namespaces'],
  ['MB030', 'Workloads'],
  ['MB050', 'Policies and routes'],
  ['MB070', 'Network and platform'],
  ['MB080', 'Services, waypoints and observability'],
]

function table(): string {
  return themes
    .map(([first, title], index) => {
      const end = themes[index + 1]?.[0] ?? 'MB999'
      const rows = checks
        .filter(({ id }) => first <= id && id < end)
        .map(({ id, title, link }) => `| [${id}](${link}) | ${title} | ${checkSeverities[id]} |`)
      return `\n## ${title}\n\n| id | looks for | finds |\n| --- | --- | --- |\n${rows.join('\n')}\n`
    })
    .join('')
}

/** `UPDATE_GOLDEN=1` writes the page anew. */
test('docs/preflight.md lists every check there is, with what it may find', () => {
  const page = readFileSync(path, 'utf8')
  const start = marker.exec(page)
  assert.ok(start, 'the page has lost the mark where its tables begin')
  const wanted = page.slice(0, start.index + start[0].length) + table()
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(path, wanted)
  else assert.equal(page, wanted)
})
