import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readPlan, writePlan } from '../../../migration/plan/file.ts'
import { namespace, planOf } from '../../support/snapshots.ts'

const folder = mkdtempSync(join(tmpdir(), 'meshbench-plan-'))
after(() => rmSync(folder, { recursive: true }))
const plan = planOf([namespace('shop', { 'istio-injection': 'enabled' })])

test('a plan is read as it was written, and no draft stays behind', () => {
  const path = join(folder, 'deep', 'plan.json')
  writePlan(path, plan)
  assert.deepEqual(readPlan(path), plan)
  assert.deepEqual(readdirSync(join(folder, 'deep')), ['plan.json'])
})

for (const [name, text, message] of [
  ['cut', JSON.stringify(plan).slice(0, 400), /cut off/],
  ['text', 'hello', /not JSON/],
  ['other', '{"kind":"List"}', /no migration plan/],
  ['newer', JSON.stringify({ ...plan, schemaVersion: 2 }), /newer meshbench \(schema 2/],
  ['edited', JSON.stringify({ ...plan, steps: [{}] }), /damaged: steps\.0\./],
] as const) {
  test(`${name}: what is no whole plan is refused, with the reason`, () => {
    const path = join(folder, `${name}.json`)
    writeFileSync(path, text)
    assert.throws(() => readPlan(path), { name: 'MigrationError', exitCode: 2, message })
  })
}

test('a plan that is not there, or cannot be written', () => {
  assert.throws(() => readPlan(join(folder, 'none.json')), { code: 'PLAN_MISSING', exitCode: 2 })
  const below = join(folder, 'other.json', 'plan.json')
  assert.throws(() => writePlan(below, plan), { code: 'PLAN_NOT_WRITTEN', exitCode: 2 })
})
