import { type Deployment, type Gateway, kinds } from '../../cluster/kinds.ts'
import { meshLabels } from '../../cluster/mesh-labels.ts'
import { nameOf } from '../execute/call.ts'
import { StepFailure } from '../execute/refusal.ts'
import { countOf, refIn, untilProved, type Verifier } from './context.ts'

/** The address of a waypoint says only that it was ready once, so its replicas are looked at too. */
export const verifyGatewayReady: Verifier = (verification, context) => {
  const { client } = context
  const ref = refIn(verification)
  const { name, namespace = 'default' } = ref
  return untilProved(context, async () => {
    const gateway = await client.get<Gateway>({ ...kinds.gateway, name, namespace })
    if (gateway === undefined) {
      throw new StepFailure('gone', `${nameOf(ref)} is not there any more`)
    }
    const { conditions = [], addresses = [] } = gateway.status ?? {}
    const programmed = conditions.find(({ type }) => type === 'Programmed')
    if (programmed?.status !== 'True') {
      const why = programmed?.message ?? 'no controller has said anything about it yet'
      return { missing: `${nameOf(ref)} is not programmed: ${why}` }
    }
    if (addresses.length === 0) return { missing: `${nameOf(ref)} has no address` }
    const labelSelector = `${meshLabels.gatewayName}=${name}`
    const deployments = await client.list<Deployment>(kinds.deployment, {
      namespace,
      labelSelector,
    })
    const ready = deployments.reduce((sum, { status }) => sum + (status?.readyReplicas ?? 0), 0)
    if (ready === 0) return { missing: `${nameOf(ref)} has no ready replica` }
    const address = addresses[0]?.value ?? ''
    return {
      evidence: [
        `${nameOf(ref)} is programmed at ${address} with ${countOf(ready, 'ready replica')}`,
      ],
    }
  })
}
