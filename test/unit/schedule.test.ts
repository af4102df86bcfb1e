import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Mode, modes } from '../../harness/modes.ts'
import { scheduleBlocks } from '../../harness/schedule/blocks.ts'

const subset = fc.subarray([...modes], { minLength: 1 })
const rounds = fc.integer({ min: 1, max: 20 })
const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 })

test('every round holds every mode exactly once', () => {
  fc.assert(
    fc.property(subset, rounds, seeds, (chosen, count, seed) => {
      const schedule = scheduleBlocks({ modes: chosen, rounds: count, seed })
      for (let round = 1; round <= count; round++) {
        const inRound = schedule.filter((window) => window.round === round)
        assert.deepEqual(inRound.map(({ mode }) => mode).sort(), [...chosen].sort())
      }
      assert.equal(schedule.length, count * chosen.length)
    }),
  )
})

test('rounds come one after the other', () => {
  const order = scheduleBlocks({ modes, rounds: 9, seed: 3 }).map(({ round }) => round)
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  )
})

test('the same seed gives the same order, another seed soon another one', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const once = scheduleBlocks({ modes, rounds: 6, seed })
      assert.deepEqual(scheduleBlocks({ modes, rounds: 6, seed }), once)
    }),
  )
  const orders = new Set(
    Array.from({ length: 50 }, (_, seed) =>
      JSON.stringify(scheduleBlocks({ modes, rounds: 6, seed })),
    ),
  )
  assert.equal(orders.size, 50)
})

test('no mode prefers a place in its round', () => {
  const rounds = 4000
  const firsts = new Map<Mode, number>()
  const schedule = scheduleBlocks({ modes, rounds, seed: 11 })
  for (let round = 0; round < rounds; round++) {
    const { mode } = schedule[round * modes.length] as { mode: Mode }
    firsts.set(mode, (firsts.get(mode) ?? 0) + 1)
  }
  // A fair share is 1000, its standard deviation sqrt(4000 x 1/4 x 3/4) = 27; five of them each way.
  for (const mode of modes) {
    const count = firsts.get(mode) ?? 0
    assert.ok(Math.abs(count - 1000) < 137, `${mode} came first ${count} times of ${rounds}`)
  }
})
