import type { Latency, Rehearsal, RehearsedStep } from '../../migration/result/rehearsal.ts'
import {
  ascii,
  fixed,
  formatNumber,
  type NumberStyle,
  plural,
  seconds,
} from '../wording/numbers.ts'

/** The whole rehearsal in one sentence. */
export function rehearsalVerdict(record: Rehearsal, style: NumberStyle = ascii): string {
  const { namespace, requests, failedRequests, longestGapMs, podsRestarted, rollback } = record
  const there = rollback === undefined ? 'migrates' : 'migrates and comes back'
  const failed =
    failedRequests === 0
      ? `none of ${fixed(requests, 0, style)} requests failed`
      : `${fixed(failedRequests, 0, style)} of ${fixed(requests, 0, style)} requests failed`
  const pods =
    podsRestarted === 0 ? 'no pod restarted' : `${plural(podsRestarted, 'pod')} restarted`
  const gap = `the longest time without an answer was ${fixed(longestGapMs, 0, style)} ms`
  switch (record.verdict) {
    case 'clean':
      return `${namespace} ${there} cleanly: ${failed}, ${pods}, ${gap}.`
    case 'lossy':
      return `${namespace} ${there}, but not cleanly: ${failed}, ${pods}, ${gap}.`
    case 'failed':
      return `The migration of ${namespace} did not come through: ${record.reasons[0] ?? 'a step failed'}.`
    case 'inconclusive':
      return `This rehearsal of ${namespace} decides nothing: ${record.reasons[0] ?? 'the load was not what it should be'}.`
    case 'interrupted':
      return `This rehearsal of ${namespace} was interrupted; until then ${failed}, ${pods}.`
  }
}

export function stepName({ id, direction }: RehearsedStep): string {
  return direction === 'rollback' ? `${id}, taken back` : id
}

export function duration(ms: number, style: NumberStyle = ascii): string {
  return ms >= 10_000 ? seconds(Math.round(ms / 100) * 100) : `${fixed(ms, 0, style)} ms`
}

/** `12.3`, with `max` where too few samples carry a percentile. */
export function tail({ p99, max }: Latency, style: NumberStyle): string {
  if (p99 !== null) return formatNumber(p99 / 1000, 2, style)
  return max === null ? 'n/a' : `max ${formatNumber(max / 1000, 2, style)}`
}

export const roleOrder = ['app', 'sidecar', 'ztunnel', 'waypoint', 'generator', 'controlPlane']

export function share(value: number, style: NumberStyle): string {
  return `${fixed(100 * value, value === 1 || value === 0 ? 0 : 1, style)} %`
}
