import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePs, readWithPs } from '../../harness/sample/ps.ts'

test('the output of macOS ps is read with hundredths of seconds', () => {
  const rows = parsePs(
    '  501   0:01.25  48320 Mon Nov 23 04:10:00 2026\n12 1:02:03.50 100 Mon Nov 23 04:10:01 2026\n',
  )
  assert.equal(rows.get(501)?.cpu.tickUs, 1_250_000)
  assert.equal(rows.get(501)?.memory.rssBytes, 48_320 * 1024)
  assert.equal(rows.get(12)?.cpu.tickUs, 3_723_500_000)
  assert.notEqual(rows.get(12)?.cpu.startTime, rows.get(501)?.cpu.startTime)
})

test('days are counted', () => {
  const row = parsePs('7 2-00:00:01 1 Mon Nov 23 04:10:00 2026').get(7)
  assert.equal(row?.cpu.tickUs, (2 * 86_400 + 1) * 1e6)
})

test('a process that is not there has no row', () => {
  const rows = readWithPs([process.pid, 2 ** 22 + 1])
  assert.deepEqual([...rows.keys()], [process.pid])
  assert.ok((rows.get(process.pid)?.memory.rssBytes ?? 0) > 10e6)
})
