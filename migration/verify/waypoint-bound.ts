import { kinds, type Service } from '../../cluster/kinds.ts'
import { meshLabels } from '../../cluster/mesh-labels.ts'
import type { Condition } from '../../cluster/objects.ts'
import { nameOf } from '../execute/call.ts'
import { StepFailure } from '../execute/refusal.ts'
import { countOf, refIn, some, untilProved, type Verifier } from './context.ts'

/** A service that is not bound is reached past the waypoint: its L7 policies would be skipped. */
export const verifyWaypointBound: Verifier = (verification, context) => {
  const { client } = context
  const ref = refIn(verification)
  return untilProved(context, async () => {
    const services = await (async (): Promise<readonly Service[]> => {
      if (ref.kind === 'Namespace') {
        const all = await client.list<Service>(kinds.service, { namespace: ref.name })
        return all.filter(followsNamespace)
      }
      const { name, namespace = 'default' } = ref
      const service = await client.get<Service>({ ...kinds.service, name, namespace })
      if (service === undefined)
        throw new StepFailure('gone', `${nameOf(ref)} is not there any more`)
      return [service]
    })()
    if (services.length === 0) return { evidence: [`${nameOf(ref)} has no service to bind`] }
    const unbound = services.flatMap((service) => {
      const { name } = service.metadata
      const bound = boundOf(service)
      if (bound?.status === 'True') return []
      return [
        bound ? `${name}: ${bound.reason}, ${bound.message}` : `${name}: nothing is said of it`,
      ]
    })
    if (unbound.length > 0) return { missing: `not bound to the waypoint: ${some(unbound, 3)}` }
    const [first] = services
    const message = first && boundOf(first)?.message
    return {
      evidence: [
        `${countOf(services.length, 'service')} of ${ref.namespace ?? ref.name}: WaypointBound True (${message})`,
      ],
    }
  })
}

function boundOf({ status }: Service): Condition | undefined {
  const { conditions = [] } = (status ?? {}) as { readonly conditions?: readonly Condition[] }
  return conditions.find(({ type }) => type === 'istio.io/WaypointBound')
}

/** Neither the waypoint's own, nor one that says for itself what is to be, nor a mere name. */
function followsNamespace({ metadata, spec }: Service): boolean {
  const { labels = {} } = metadata
  return (
    labels[meshLabels.managedGateway] === undefined &&
    labels[meshLabels.useWaypoint] === undefined &&
    spec.type !== 'ExternalName'
  )
}
