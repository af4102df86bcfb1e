import type { NodeFit, Requested } from '../../reports/cost-model/requests.ts'
import type { RawEstimateOptions } from '../commands/estimate.ts'
import { UsageError } from '../errors.ts'
import { parseNumber } from '../values/number.ts'

/** Two sizes, `4,16`: vCPU and GiB. Undefined when neither is given: nodes are not counted then. */
export function settleNodeFit({ nodeSize, podSize }: RawEstimateOptions): NodeFit | undefined {
  if (nodeSize === undefined && podSize === undefined) return undefined
  if (nodeSize === undefined || podSize === undefined) {
    throw new UsageError(
      'how many pods fit on a node needs the size of both',
      'give --node-size and --pod-size, for example --node-size 4,16 --pod-size 0.25,0.5',
    )
  }
  return { node: size('--node-size', nodeSize), pod: size('--pod-size', podSize) }
}

function size(option: string, text: string): NodeFit['node'] {
  const [vcpu, gib, ...more] = text.split(',')
  if (vcpu === undefined || gib === undefined || more.length > 0) {
    throw new UsageError(
      `${option} takes vCPU and GiB, not "${text}"`,
      `write for example ${option} 4,16`,
    )
  }
  const range = { min: 0.001, max: 100_000 }
  return { vcpu: parseNumber(option, vcpu, range), gib: parseNumber(option, gib, range) }
}

/** What the scheduler sees, which is what nodes are bought for. */
export function requestedLines(
  requested: readonly Requested[],
  fit: NodeFit | undefined,
): string[] {
  const header = ['', 'vCPU', 'GiB', ...(fit === undefined ? [] : ['nodes'])]
  const rows = requested.map(({ name, vcpu, gib, nodes }) => [
    name,
    vcpu.toFixed(2),
    gib.toFixed(2),
    ...(fit === undefined ? [] : [nodes === null ? 'none fits' : String(nodes)]),
  ])
  const widths = header.map((_, at) =>
    Math.max(...[header, ...rows].map((row) => row[at]?.length ?? 0)),
  )
  const lay = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
  const about =
    fit === undefined
      ? "requested, by the defaults of Istio's charts"
      : `requested, by the defaults of Istio's charts; nodes of ${fit.node.vcpu} vCPU and ${fit.node.gib} GiB for pods of ${fit.pod.vcpu} and ${fit.pod.gib}`
  return [about, ...[header, ...rows].map(lay)]
}
