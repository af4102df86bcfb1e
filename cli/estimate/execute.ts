import {
  type Bill,
  breakEven,
  type ClusterShape,
  estimateCluster,
  type Prices,
} from '../../reports/cost-model/estimate.ts'
import { requestedBy } from '../../reports/cost-model/requests.ts'
import { breakEvenSentences } from '../../reports/cost-model/wording.ts'
import type { RawEstimateOptions } from '../commands/estimate.ts'
import type { CommandContext } from '../context.ts'
import { UsageError } from '../errors.ts'
import { exitCodes } from '../exit-codes.ts'
import { parseNumber } from '../values/number.ts'
import { type Counted, countCluster } from './count.ts'
import { requestedLines, settleNodeFit } from './requested.ts'
import { loadCoefficients } from './source.ts'

const rpsPerWaypoint = 1000

export async function estimate(raw: RawEstimateOptions, context: CommandContext): Promise<number> {
  const prices = settlePrices(raw)
  const coefficients = loadCoefficients(raw.from)
  const live = raw.context !== undefined || raw.kubeconfig !== undefined
  const counted = live ? await countCluster(raw, context) : undefined
  const shape = settleShape(counted === undefined ? raw : withCounted(raw, counted))
  const bills = estimateCluster(coefficients, shape, prices)
  const even = breakEven(coefficients, shape)
  const fit = settleNodeFit(raw)
  const requested = requestedBy(shape, fit)
  context.out(
    context.json
      ? JSON.stringify({
          source: coefficients.source,
          cluster: shape,
          ...(counted !== undefined && { counted }),
          prices: prices ?? null,
          coefficients,
          modes: bills,
          requested,
          nodeFit: fit ?? null,
          breakEven: even,
        })
      : [
          ...describe(coefficients.source, shape, bills, counted),
          '',
          ...requestedLines(requested, fit),
          '',
          ...breakEvenSentences(even),
        ].join('\n'),
  )
  return exitCodes.ok
}

/** What was typed stands above what was counted. */
function withCounted(raw: RawEstimateOptions, counted: Counted): RawEstimateOptions {
  return {
    pods: String(counted.pods),
    nodes: String(counted.nodes),
    rps: String(Math.round(counted.requestsPerSecond * 10) / 10),
    ...raw,
  }
}

function settleShape(raw: RawEstimateOptions): ClusterShape {
  for (const name of ['pods', 'nodes', 'rps'] as const) {
    if (raw[name] !== undefined) continue
    throw new UsageError(
      `--${name} is missing`,
      'give --pods, --nodes and --rps, or count them in a cluster with --context NAME',
    )
  }
  const count = (option: string, text: string, min: number): number =>
    parseNumber(option, text, { min, max: 1_000_000, integer: true })
  const rps = parseNumber('--rps', raw.rps ?? '', { min: 0, max: 1e9 })
  const l7Share = parseNumber('--l7-share', raw.l7Share ?? '1', { min: 0, max: 1 })
  const needed = l7Share === 0 ? 0 : Math.max(1, Math.ceil((l7Share * rps) / rpsPerWaypoint))
  return {
    pods: count('--pods', raw.pods ?? '', 1),
    nodes: count('--nodes', raw.nodes ?? '', 1),
    rps,
    l7Share,
    waypoints: raw.waypoints === undefined ? needed : count('--waypoints', raw.waypoints, 0),
  }
}

function settlePrices({ pricePerVcpu, pricePerGib }: RawEstimateOptions): Prices | undefined {
  if (pricePerVcpu === undefined && pricePerGib === undefined) return undefined
  if (pricePerVcpu === undefined || pricePerGib === undefined) {
    throw new UsageError(
      'one price alone makes no bill',
      'give both --price-per-vcpu and --price-per-gib',
    )
  }
  const price = (option: string, text: string): number =>
    parseNumber(option, text, { min: 0, max: 1e6 })
  return {
    perVcpu: price('--price-per-vcpu', pricePerVcpu),
    perGib: price('--price-per-gib', pricePerGib),
  }
}

function describe(
  source: string,
  shape: ClusterShape,
  bills: readonly Bill[],
  counted?: Counted,
): string[] {
  const [sidecar] = bills
  const priced = bills.some(({ pricePerMonth }) => pricePerMonth !== null)
  const header = [
    '',
    'vCPU',
    'GiB',
    ...(priced ? ['per month'] : []),
    'vCPU vs sidecar',
    'GiB vs sidecar',
  ]
  const rows = bills.map((bill) => [
    bill.name,
    bill.vcpu.toFixed(2),
    bill.gib.toFixed(2),
    ...(bill.pricePerMonth === null ? [] : [bill.pricePerMonth.toFixed(2)]),
    change(bill.vcpu, sidecar?.vcpu),
    change(bill.gib, sidecar?.gib),
  ])
  const widths = header.map((_, at) =>
    Math.max(...[header, ...rows].map((row) => row[at]?.length ?? 0)),
  )
  const table = [header, ...rows].map((row, line) => {
    const cells = row.map((cell, at) =>
      at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
    )
    const what = line === 0 ? '' : `  ${bills[line - 1]?.what}`
    return `${cells.join('  ')}${what}`.trimEnd()
  })
  return [
    `${shape.pods} pods on ${shape.nodes} nodes, ${shape.rps} requests/s between them`,
    ...(counted?.notes ?? []),
    `costs: ${source}`,
    '',
    ...table,
  ]
}

function change(value: number, base: number | undefined): string {
  if (base === undefined || base === 0 || value === base) return ''
  const percent = Math.round((value / base - 1) * 100)
  return `${percent > 0 ? '+' : ''}${percent} %`
}
