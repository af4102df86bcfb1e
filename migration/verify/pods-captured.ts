import { countOf, namespaceOf, some, untilProved, type Verifier } from './context.ts'
import { hasSidecar, isPlaced, membershipOf, podsIn } from './pods.ts'

/** L1: the CNI's word, which means that all of it succeeded once. */
export const verifyPodsCaptured: Verifier = (verification, context) => {
  const namespace = namespaceOf(verification)
  return untilProved(context, async () => {
    const { labels, pods } = await podsIn(context.client, namespace)
    const placed = pods.filter(isPlaced)
    const by = (wanted: string) =>
      placed.filter((pod) => membershipOf(pod, labels, context.liveTakeover) === wanted)
    const pending = by('pending')
    const captured = by('ambient')
    if (pending.length > 0) {
      const names = some(pending.map(({ metadata }) => metadata.name))
      const all = pending.length + captured.length
      return { missing: `${pending.length} of ${all} pods are not captured yet: ${names}` }
    }
    const staying = by('sidecar')
    const idle = captured.filter(hasSidecar)
    const evidence = [
      captured.length === 0
        ? `no pod of ${namespace} is to be captured now`
        : `${captured.length} of ${captured.length} pods have ambient.istio.io/redirection=enabled`,
    ]
    if (idle.length > 0) {
      evidence.push(`${countOf(idle.length, 'of them has', 'of them have')} a sidecar without work`)
    }
    if (staying.length > 0) {
      const keep = countOf(staying.length, 'pod keeps its sidecar', 'pods keep their sidecar')
      evidence.push(`${keep} until something recreates ${staying.length === 1 ? 'it' : 'them'}`)
    }
    return { evidence }
  })
}
