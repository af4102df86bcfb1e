import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeMachine, type MachineFacts } from '../../cli/doctor/checks.ts'

const healthy: MachineFacts = {
  nodeVersion: 'v22.11.0',
  cores: 4,
  loadAverage: 0.2,
  noiseRatio: 1.05,
  openFiles: 20_000,
  processes: null,
  memoryFreeBytes: 8e9,
  loopback: { ok: true, said: '127.1.0.0/16' },
  procCpu: true,
  procPss: true,
  out: { ok: true, said: '/tmp' },
  chromium: '/usr/bin/chromium',
  kubeconfig: { ok: true, said: 'context kind', wanted: false },
}

const found = (changes: Partial<MachineFacts>): string[] =>
  judgeMachine({ ...healthy, ...changes })
    .filter(({ level }) => level !== 'ok')
    .map(({ name, level, advice }) => {
      assert.ok(advice.length > 20, `${name} says what to do`)
      return `${level} ${name}`
    })

test('a healthy machine has nothing to say', () => {
  assert.deepEqual(found({}), [])
  assert.ok(judgeMachine(healthy).every(({ advice }) => advice === ''))
})

const table: readonly [Partial<MachineFacts>, string][] = [
  [{ nodeVersion: 'v20.18.3' }, 'missing node'],
  [{ cores: 1, loadAverage: 0 }, 'warning cores'],
  [{ loadAverage: 3 }, 'warning load'],
  [{ noiseRatio: 2 }, 'warning noise'],
  [{ memoryFreeBytes: 1e9 }, 'warning memory'],
  [{ openFiles: 256 }, 'warning open files'],
  [{ processes: 100 }, 'warning processes'],
  [{ loopback: { ok: false, said: 'EACCES' } }, 'missing loopback'],
  [{ procCpu: false }, 'warning CPU counters'],
  [{ procPss: false }, 'warning memory counters'],
  [{ out: { ok: false, said: 'EROFS' } }, 'missing results folder'],
  [{ chromium: null }, 'skipped chromium'],
  [{ kubeconfig: { ok: false, said: 'none', wanted: false } }, 'skipped kubeconfig'],
  [{ kubeconfig: { ok: false, said: 'none', wanted: true } }, 'missing kubeconfig'],
]

for (const [changes, expected] of table) {
  test(`${JSON.stringify(changes)} is ${expected}`, () => {
    assert.deepEqual(found(changes), [expected])
  })
}
