import assert from 'node:assert/strict'
import { test } from 'node:test'
import { istio124, measuredCoefficients } from '../../reports/cost-model/coefficients.ts'
import { breakEven, estimateCluster } from '../../reports/cost-model/estimate.ts'
import { fitCosts } from '../../reports/cost-model/fit.ts'
import { fitNonNegative, relativeError } from '../../reports/cost-model/least-squares.ts'
import { summariseSweep } from '../../reports/cost-model/sweep.ts'
import { resultWith } from '../support/cost-runs.ts'

const near = (actual: number | null | undefined, expected: number, share = 1e-6): void =>
  assert.ok(
    Math.abs((actual ?? Number.NaN) - expected) <= Math.abs(expected) * share + 1e-12,
    `${actual}, not ${expected}`,
  )

test('a sum of four costs is recovered from observations without noise', () => {
  const truth = [0.002, 0.00005, 0.00012, 0.000003]
  const observations = [
    [2, 16, 100, 100],
    [2, 16, 400, 400],
    [2, 16, 1000, 1000],
    [2, 64, 400, 400],
    [2, 256, 400, 400],
    [2, 16, 400, 6400],
    [2, 16, 400, 25600],
  ].map((terms) => ({
    terms,
    measured: terms.reduce((sum, term, at) => sum + term * (truth[at] ?? 0), 0),
  }))
  const fitted = fitNonNegative(observations) ?? []
  for (const [at, value] of truth.entries()) near(fitted[at], value)
  near((relativeError(observations, fitted) ?? 1) + 1, 1)
})

test('a cost below zero is left out and the others are fitted again', () => {
  const observations = [100, 200, 400].map((rate) => ({
    terms: [1, rate],
    measured: rate * 0.001 - 0.01,
  }))
  const fitted = fitNonNegative(observations) ?? []
  assert.equal(fitted[0], 0)
  assert.ok((fitted[1] ?? 0) > 0.0009 && (fitted[1] ?? 0) < 0.001, `${fitted[1]}`)
})

test('terms that never vary apart from each other have no solution', () => {
  const observations = [1, 2, 3].map((n) => ({ terms: [n, 2 * n], measured: n }))
  assert.equal(fitNonNegative(observations), null)
})

const rates = [100, 300, 1000]
const costs = { idleCores: 0.003, coresPerRps: 0.0002 }
const runs = rates.map((rate) => resultWith(rate, costs))

test('a sweep of rates tells idle cost and cost per request apart, per role', () => {
  const model = fitCosts(runs, ['rate'])
  assert.deepEqual(
    model.map(({ role }) => role),
    ['sidecar', 'ztunnel', 'waypoint'],
  )
  const [sidecar] = model
  near(sidecar?.idleCores, 0.003)
  near(sidecar?.usPerRequest, 400)
  near((sidecar?.fitError ?? 1) + 1, 1)
  assert.equal(sidecar?.coresPerConnection, null)
  assert.equal(sidecar?.usPerKib, null)
  assert.equal(sidecar?.pssBytesPerProcess, 15e6)
})

test('sweeps of connections and payload tell their costs apart too, with the fit error', () => {
  const all = { ...costs, coresPerConnection: 0.0001, usPerKib: 3 }
  const varied = [
    ...rates.map((rate) => resultWith(rate, all)),
    ...[4, 64, 256].map((connections) => resultWith(400, all, { connections })),
    ...[1024, 65_536, 1_048_576].map((responseBytes) => resultWith(400, all, { responseBytes })),
  ]
  for (const cost of fitCosts(varied, ['rate', 'connections', 'payload'])) {
    near(cost.idleCores, 0.003)
    near(cost.coresPerConnection, 0.0001)
    near(cost.usPerRequest, 200 * cost.processesPerPath)
    near(cost.usPerKib, 3)
    near((cost.fitError ?? 1) + 1, 1)
    assert.equal(cost.windows, 18)
  }
})

test('what does not follow a straight line shows as fit error', () => {
  const bent = [100, 300, 1000].map((rate) =>
    resultWith(rate, { idleCores: 0, coresPerRps: rate === 300 ? 0.0003 : 0.0002 }),
  )
  const [sidecar] = fitCosts(bent, ['rate'])
  assert.ok((sidecar?.fitError ?? 0) > 0.1, `${sidecar?.fitError}`)
})

test('a single run knows the cost per request only, idle cost included', () => {
  const [sidecar] = fitCosts(runs.slice(0, 1), [])
  assert.equal(sidecar?.idleCores, null)
  near(sidecar?.usPerRequest, 460)
})

test('a sweep keeps its points, its model and one chart point per mode', () => {
  const swept = runs.map((run, index) => ({
    axis: 'rate' as const,
    value: rates[index] ?? 0,
    folder: `points/${index}`,
    run,
  }))
  const about = { tool: { name: 'meshbench', version: '1' }, status: 'complete' } as const
  const { points, chart, model, findings } = summariseSweep(swept, { ...about, workload: 'echo' })
  assert.deepEqual(
    points.map(({ value }) => value),
    rates,
  )
  assert.equal(chart.length, 9)
  assert.equal(model.length, 3)
  assert.match(
    findings?.[0] ?? '',
    /^By the fitted costs, 10 pods .*: memory: ambient takes less from .* per node on; CPU: /,
  )
})

test('where nothing but sidecars multiplies, a ztunnel has no idle cost of its own to fit', () => {
  const many = [1, 2, 4].map((n) => {
    const run = resultWith(100, costs)
    const windows = (run.modes.sidecar?.windows ?? []).map((one) => {
      const { sidecar } = one.cpu
      if (sidecar === undefined) return one
      const processes = 2 + n - 1
      const cores = processes * 0.003 + 100 * 0.0004
      return { ...one, cpu: { ...one.cpu, sidecar: { ...sidecar, processes, cores } } }
    })
    return {
      ...run,
      modes: { ...run.modes, sidecar: { ...run.modes.sidecar, windows } },
    } as typeof run
  })
  const [sidecar, ztunnel] = fitCosts(many, ['workloads-per-node'])
  near(sidecar?.idleCores, 0.003)
  near(sidecar?.usPerRequest, 400)
  assert.equal(ztunnel?.idleCores, null)
  assert.ok((ztunnel?.usPerRequest ?? 0) > 0)
})

test("one flow at 1,000 requests/s costs what Istio 1.24's figures say: 0.40, 0.12 and 0.37 vCPU", () => {
  const shape = { pods: 2, nodes: 2, rps: 1000, l7Share: 1, waypoints: 1 }
  const bills = estimateCluster(istio124, shape, { perVcpu: 10, perGib: 0 })
  for (const [index, vcpu] of [0.4, 0.12, 0.37].entries()) {
    near(bills[index]?.vcpu, vcpu)
    near(bills[index]?.pricePerMonth, vcpu * 10)
  }
  near((bills[2]?.gib ?? 0) * 1024 ** 3, 84e6)
})

test('at these figures ambient takes less CPU even with all requests through a waypoint', () => {
  const shape = { pods: 200, nodes: 20, rps: 5000, l7Share: 1, waypoints: 5 }
  const { l7ShareForCpu, podsPerNodeForMemory, podsPerNodeForCpu } = breakEven(istio124, shape)
  near(l7ShareForCpu, 1.12)
  near(podsPerNodeForMemory, 0.2)
  assert.equal(podsPerNodeForCpu, 0)
})

test('with a dear ztunnel ambient wins from some pods per node on', () => {
  const coefficients = { ...istio124, ztunnel: { idleCores: 0.1, coresPerRps: 0, bytes: 150e6 } }
  const shape = { pods: 100, nodes: 10, rps: 10_000, l7Share: 0, waypoints: 0 }
  const even = breakEven(coefficients, shape)
  // Each pod's 100 requests/s cost its sidecars 0.04 vCPU.
  near(even.podsPerNodeForCpu, 2.5)
  near(even.podsPerNodeForMemory, 2.5)
})

test('a model without waypoints is refused by name', () => {
  const model = fitCosts(runs, ['rate']).filter(({ role }) => role !== 'waypoint')
  assert.deepEqual(measuredCoefficients(model, 1024, 'here'), { missing: 'waypoint' })
})
