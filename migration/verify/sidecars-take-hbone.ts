import { countOf, namespaceOf, some, untilProved, type Verifier } from './context.ts'
import { hasSidecar, podsIn } from './pods.ts'

/** The injector's label: such a sidecar understands HBONE from ambient callers. */
const tunnelLabel = 'networking.istio.io/tunnel'

export const verifySidecarsTakeHbone: Verifier = (verification, context) => {
  const namespace = namespaceOf(verification)
  return untilProved(context, async () => {
    const { pods } = await podsIn(context.client, namespace)
    const sidecars = pods.filter(hasSidecar)
    const deaf = sidecars.filter(({ metadata }) => metadata.labels?.[tunnelLabel] !== 'http')
    if (deaf.length > 0) {
      const names = some(deaf.map(({ metadata }) => metadata.name))
      return { missing: `${deaf.length} of ${sidecars.length} sidecars take no HBONE: ${names}` }
    }
    return {
      evidence: [`${countOf(sidecars.length, 'sidecar')} of ${namespace} with ${tunnelLabel}=http`],
    }
  })
}
