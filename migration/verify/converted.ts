import { nameOf } from '../execute/call.ts'
import { workloadOf } from '../execute/pods.ts'
import { countOf, refIn, some, untilProved, type Verifier } from './context.ts'
import { hasSidecar, isPlaced, membershipOf, podsIn } from './pods.ts'

/** Every pod of a workload came up without a sidecar, and ambient has it. */
export const verifyConverted: Verifier = (verification, context) => {
  const ref = refIn(verification)
  const { namespace = 'default' } = ref
  return untilProved(context, async () => {
    const { labels, pods } = await podsIn(context.client, namespace)
    const own = pods.filter(({ metadata }) => workloadOf(metadata) === `${ref.kind} ${ref.name}`)
    const withSidecar = own.filter(hasSidecar)
    if (withSidecar.length > 0) {
      const names = some(withSidecar.map(({ metadata }) => metadata.name))
      return { missing: `${withSidecar.length} of ${own.length} pods have a sidecar: ${names}` }
    }
    const pending = own.filter(
      (pod) => !isPlaced(pod) || membershipOf(pod, labels, false) === 'pending',
    )
    if (pending.length > 0) {
      const names = some(pending.map(({ metadata }) => metadata.name))
      return { missing: `${pending.length} of ${own.length} pods are not captured yet: ${names}` }
    }
    const without = `${countOf(own.length, 'pod')} without a sidecar`
    return { evidence: [`${nameOf(ref)}: ${without}, redirection enabled`] }
  })
}
