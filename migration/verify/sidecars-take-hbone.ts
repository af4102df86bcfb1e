import { meshLabels } from '../../cluster/mesh-labels.ts'
import { countOf, namespaceOf, some, untilProved, type Verifier } from './context.ts'
import { hasSidecar, podsIn } from './pods.ts'

export const verifySidecarsTakeHbone: Verifier = (verification, context) => {
  const namespace = namespaceOf(verification)
  return untilProved(context, async () => {
    const { pods } = await podsIn(context.client, namespace)
    const sidecars = pods.filter(hasSidecar)
    const deaf = sidecars.filter(({ metadata }) => metadata.labels?.[meshLabels.tunnel] !== 'http')
    if (deaf.length > 0) {
      const names = some(deaf.map(({ metadata }) => metadata.name))
      return { missing: `${deaf.length} of ${sidecars.length} sidecars take no HBONE: ${names}` }
    }
    return {
      evidence: [
        `${countOf(sidecars.length, 'sidecar')} of ${namespace} with ${meshLabels.tunnel}=http`,
      ],
    }
  })
}
