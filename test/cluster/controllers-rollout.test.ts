import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Generation, nextSizes, resolveLimit } from '../../cluster/controllers/rollout.ts'

const total = (sizes: readonly Generation[], read: (one: Generation) => number): number =>
  sizes.reduce((sum, one) => sum + read(one), 0)

/** Plays a rollout to its end; pods become available one by one, in an order `picks` decides. */
function play(
  desired: number,
  maxSurge: number,
  maxUnavailable: number,
  oldSizes: readonly number[],
  picks: readonly number[],
): Generation[] {
  let generations: Generation[] = [
    { name: 'new', replicas: 0, available: 0 },
    ...oldSizes.map((replicas, index) => ({ name: `old${index}`, replicas, available: replicas })),
  ]
  const before = total(generations, ({ replicas }) => replicas)
  for (let step = 0; step < 200; step += 1) {
    const [current, ...old] = generations as [Generation, ...Generation[]]
    const sizes = nextSizes(current, old, { desired, maxSurge, maxUnavailable })
    generations = generations.map((one) => {
      const replicas = sizes.get(one.name) ?? one.replicas
      return { ...one, replicas, available: Math.min(one.available, replicas) }
    })
    const replicas = total(generations, (one) => one.replicas)
    assert.ok(replicas <= Math.max(before, desired + maxSurge), `${replicas} pods are too many`)
    const available = total(generations, (one) => one.available)
    assert.ok(available >= Math.min(before, desired - maxUnavailable), `${available} are too few`)
    const starting = generations.filter((one) => one.available < one.replicas)
    const lucky = starting[(picks[step % picks.length] ?? 0) % Math.max(starting.length, 1)]
    generations = generations.map((one) =>
      one === lucky ? { ...one, available: one.available + 1 } : one,
    )
  }
  return generations
}

test('a rolling update ends with all pods new and keeps its limits at every step', () => {
  const limits = fc
    .record({
      desired: fc.integer({ min: 1, max: 8 }),
      maxSurge: fc.integer({ min: 0, max: 3 }),
      maxUnavailable: fc.integer({ min: 0, max: 3 }),
    })
    .filter(({ maxSurge, maxUnavailable }) => maxSurge + maxUnavailable > 0)
  fc.assert(
    fc.property(
      limits,
      fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 20 }),
      fc.boolean(),
      ({ desired, maxSurge, maxUnavailable }, picks, twice) => {
        const half = Math.floor(desired / 2)
        const old = twice ? [half, desired - half] : [desired]
        const [current, ...rest] = play(desired, maxSurge, maxUnavailable, old, picks)
        assert.equal(current?.available, desired)
        assert.equal(
          total(rest, ({ replicas }) => replicas),
          0,
        )
      },
    ),
  )
})

test('limits in per cent round up for surge and down for unavailable pods', () => {
  assert.equal(resolveLimit('25%', 3, 'up'), 1)
  assert.equal(resolveLimit('25%', 3, 'down'), 0)
  assert.equal(resolveLimit(undefined, 8, 'up'), 2)
  assert.equal(resolveLimit(2, 8, 'down'), 2)
})
