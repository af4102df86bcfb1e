import type { LoggedConnection } from './access-log.ts'
import type { Look } from './context.ts'

export interface Call {
  readonly service: string
  readonly namespace: string
  /** Names of those that may have answered. */
  readonly pods: readonly string[]
  /** What the canary says of it; absent when it has not come to it yet. */
  readonly result: string | undefined
}

export interface Seen {
  readonly canary: { readonly name: string; readonly namespace: string; readonly ip: string }
  readonly connections: readonly (LoggedConnection & { readonly ztunnel: string })[]
}

/** Answers of whoever stands in front of a service that is not there. */
const notAnswering = /^(502|503|504)$/

/** Pure: whether a call was answered, and came through HBONE under a known identity. */
export function judgeCall({ service, namespace, pods, result }: Call, seen: Seen): Look {
  const title = `${namespace}/${service}`
  const own = seen.connections.filter((one) => isOf(one, seen.canary))
  const isTo = (one: LoggedConnection): boolean =>
    one.service?.startsWith(`${service}.${namespace}.`) || pods.includes(one.workload ?? '')
  // The server's own ztunnel says more than the canary's; behind a waypoint it sees only that.
  const [proof] = own
    .filter(isTo)
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, 1)
  if (proof?.error !== undefined && isRefusal(proof.error)) {
    const { ztunnel, sourceIdentity } = proof
    return {
      evidence: [
        `${ztunnel} refused the canary at ${title} by policy, as ${sourceIdentity}: it is captured, and its policies hold`,
      ],
    }
  }
  if (result === undefined) return { missing: `the canary has not called ${title} yet` }
  if (result.startsWith('none') || notAnswering.test(result)) {
    return { missing: `${title} does not answer the canary: ${result.replace(/^none: /, '')}` }
  }
  if (proof === undefined) {
    return {
      missing: `${title} answers the canary, but no ztunnel has logged that through HBONE: see that its access log is on`,
    }
  }
  if (proof.error !== undefined)
    return { missing: `${title}: ${proof.ztunnel} says ${proof.error}` }
  const { ztunnel, hboneAddress, sourceIdentity, direction } = proof
  const by = direction === 'inbound' ? '' : ' by way of its waypoint'
  const answer = result === 'open' ? 'accepted' : `answered ${result} to`
  return {
    evidence: [
      `${title} ${answer} the canary${by}: ${ztunnel} logged it to ${hboneAddress} through HBONE, from ${sourceIdentity}`,
    ],
  }
}

/** Of an inbound connection first, of one without a fault first. */
function rank({ direction, error }: LoggedConnection): number {
  return (direction === 'inbound' ? 0 : 1) + (error === undefined ? 0 : 2)
}

function isOf(
  { sourceWorkload, sourceAddress = '' }: LoggedConnection,
  { name, ip }: Seen['canary'],
): boolean {
  if (sourceWorkload !== undefined) return sourceWorkload === name
  return ip !== '' && sourceAddress.startsWith(`${ip}:`)
}

/** ztunnel closes inbound connections with the first, its peer answers a CONNECT with the second. */
function isRefusal(error: string): boolean {
  return /policy rejection|\b401 Unauthorized\b|denied by policy/i.test(error)
}
