import { accessLogs, type LoggedConnection, loggedConnections } from './access-log.ts'
import { verifyByCanary } from './canary.ts'
import { countOf, namespaceOf, untilProved, type Verifier } from './context.ts'
import { isPlaced, membershipOf, podsIn } from './pods.ts'

/**
 * L5: the access log of a ztunnel tells of a connection through HBONE from a known identity. With an
 * image a canary pod makes it, to every captured service; without one it is left to callers.
 */
export const verifyProbe: Verifier = (verification, context) =>
  verification.image === undefined
    ? verifyCallers(verification, context)
    : verifyByCanary(verification, context)

/** Any connection to a pod of the namespace that was logged since the first look. */
const verifyCallers: Verifier = (verification, context) => {
  const { client } = context
  const namespace = namespaceOf(verification)
  const seen = new Set<string>()
  let first = true
  return untilProved(context, async () => {
    const { labels, pods } = await podsIn(client, namespace)
    const captured = pods.filter(
      (pod) => isPlaced(pod) && membershipOf(pod, labels, context.liveTakeover) === 'ambient',
    )
    if (captured.length === 0) return { evidence: [`no pod of ${namespace} is captured yet`] }
    for (const { ztunnel, text } of await accessLogs(client, captured)) {
      const arrived = text.split('\n').filter((line) => arrivalIn(line, namespace) !== undefined)
      // What was there before proves nothing of now.
      const fresh = arrived.filter((line) => !seen.has(line))
      for (const line of arrived) seen.add(line)
      if (first || fresh.length === 0) continue
      const identity = arrivalIn(fresh.at(-1) ?? '', namespace)?.sourceIdentity
      const connections = countOf(fresh.length, 'connection')
      return {
        evidence: [
          `${ztunnel} logged ${connections} to ${namespace} through HBONE, the last from ${identity}`,
        ],
      }
    }
    first = false
    return {
      missing: `no ztunnel has logged a connection to ${namespace} through HBONE: call a service of it from a pod in the mesh, and see that access logs are on`,
    }
  })
}

/** The connection that a line tells of, if it came to the namespace. */
export function arrivalIn(line: string, namespace: string): LoggedConnection | undefined {
  const [found] = loggedConnections(line)
  return found?.direction === 'inbound' && found.namespace === namespace ? found : undefined
}
