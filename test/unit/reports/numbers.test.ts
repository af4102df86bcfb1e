import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatNumber } from '../../../reports/wording/numbers.ts'

test('a number is cut where its interval stops supporting digits', () => {
  assert.equal(formatNumber(12.345, 2, undefined, 0.4), '12.3')
  assert.equal(formatNumber(12.345, 2, undefined, 3), '12')
  assert.equal(formatNumber(1_234.5, 2), '1,235')
})

test('what is not zero keeps its first digit, as far as the metric has decimals', () => {
  assert.equal(formatNumber(-0.23, 2, undefined, 3), '-0.2')
  assert.equal(formatNumber(0.03, 2, undefined, 3), '0.03')
  assert.equal(formatNumber(0.003, 2, undefined, 3), '0.00')
})
