import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../../reports/statistics/random.ts'
import { savedDifference } from '../../../reports/statistics/saved.ts'

const random = seededRandom(3, 'saved')
const gauss = (): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
const run = (centre: number): number[] => Array.from({ length: 6 }, () => centre + gauss())

test('a run like the saved ones is seldom called different, though runs differ among themselves', () => {
  const rounds = 60
  const alarms = Array.from({ length: rounds }).filter(() => {
    const runs = Array.from({ length: 5 }, () => run(100 + 3 * gauss()))
    const found = savedDifference(run(100 + 3 * gauss()), runs, random)
    assert.ok(found !== null)
    return found.interval.low > 0 || found.interval.high < 0
  }).length
  assert.ok(alarms <= 0.15 * rounds, `${alarms} false alarms of ${rounds}`)
})

test('a run far from all saved ones is told apart', () => {
  const found = savedDifference(run(130), [100, 102, 98, 101].map(run), random)
  assert.ok(found !== null && found.interval.low > 10, `${found?.interval.low}`)
  assert.ok(Math.abs(found.base - 100) < 3 && Math.abs(found.difference - 30) < 5)
})

test('fewer than three windows on either side give nothing', () => {
  assert.equal(savedDifference([1, 2], [run(1)], random), null)
  assert.equal(savedDifference(run(1), [[1, 2]], random), null)
  assert.equal(savedDifference(run(1), [], random), null)
})
