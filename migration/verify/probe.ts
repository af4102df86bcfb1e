import { countOf, namespaceOf, untilProved, type Verifier } from './context.ts'
import { isPlaced, membershipOf, podsIn, ztunnelsByNode } from './pods.ts'

const logLines = 2_000

/**
 * L5: the access log of a ztunnel tells of a connection to a pod of the namespace that came through
 * HBONE from a known identity. Callers there are, or a canary of the user, make it; no pod is started
 * for it.
 */
export const verifyProbe: Verifier = (verification, context) => {
  const { client } = context
  const namespace = namespaceOf(verification)
  const seen = new Set<string>()
  let first = true
  return untilProved(context, async () => {
    const { labels, pods } = await podsIn(client, namespace)
    const nodes = new Set(
      pods
        .filter(
          (pod) => isPlaced(pod) && membershipOf(pod, labels, context.liveTakeover) === 'ambient',
        )
        .map(({ spec }) => spec.nodeName ?? ''),
    )
    if (nodes.size === 0) return { evidence: [`no pod of ${namespace} is captured yet`] }
    const ztunnels = await ztunnelsByNode(client)
    for (const [node, { metadata }] of ztunnels) {
      if (!nodes.has(node)) continue
      const text = await client.podLog({
        namespace: metadata.namespace ?? '',
        name: metadata.name,
        tailLines: logLines,
      })
      const arrived = text.split('\n').filter((line) => arrivesIn(line, namespace))
      // What was there before proves nothing of now.
      const fresh = arrived.filter((line) => !seen.has(line))
      for (const line of arrived) seen.add(line)
      if (first || fresh.length === 0) continue
      const identity = fieldOf(fresh.at(-1) ?? '', 'src.identity')
      const connections = countOf(fresh.length, 'connection')
      return {
        evidence: [
          `${metadata.name} logged ${connections} to ${namespace} through HBONE, the last from ${identity}`,
        ],
      }
    }
    first = false
    return {
      missing: `no ztunnel has logged a connection to ${namespace} through HBONE: call a service of it from a pod in the mesh, and see that access logs are on`,
    }
  })
}

/** `dst.namespace="shop"` or `"dst.namespace":"shop"`: ztunnel logs as text or as JSON. */
export function arrivesIn(line: string, namespace: string): boolean {
  return (
    fieldOf(line, 'direction') === 'inbound' &&
    fieldOf(line, 'dst.namespace') === namespace &&
    fieldOf(line, 'dst.hbone_addr') !== undefined &&
    fieldOf(line, 'src.identity') !== undefined
  )
}

function fieldOf(line: string, field: string): string | undefined {
  const name = field.replace('.', '\\.')
  return new RegExp(`(?:^|[\\s,{"])${name}"?[=:]"?([^"\\s,}]+)`).exec(line)?.[1]
}
