import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '../../..')
const lines = Array.from({ length: 50 }, (_, at) => at + 1)

/** Titles begin with the number: `K14: a method other than CONNECT ...`. */
function tested(): Set<number> {
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  const sources = files
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => readFileSync(join(root, 'test', file), 'utf8'))
  return new Set(
    sources.flatMap((text) =>
      [...text.matchAll(/['"`]K(\d{1,2}): /g)].map(([, number]) => Number(number)),
    ),
  )
}

/** First cells of the tables: `| 17, 29 | ...`. */
function explained(): Set<number> {
  const page = readFileSync(join(root, 'docs/deviations.md'), 'utf8')
  const cells = [...page.matchAll(/^\| (\d{1,2}(?:, \d{1,2})*) \|/gm)]
  return new Set(cells.flatMap(([, cell = '']) => cell.split(', ').map(Number)))
}

test('every line of the fidelity list has a test or a reason why it is otherwise here', () => {
  const [inTests, onPage] = [tested(), explained()]
  const open = lines.filter((line) => !inTests.has(line) && !onPage.has(line))
  assert.deepEqual(open, [])
  const unknown = [...inTests, ...onPage].filter((line) => !lines.includes(line))
  assert.deepEqual(unknown, [], 'numbers that are not on the list')
})
