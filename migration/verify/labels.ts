import type { KubeObject } from '../../cluster/objects.ts'
import { nameOf } from '../execute/call.ts'
import { StepFailure } from '../execute/refusal.ts'
import { refIn, untilProved, type Verifier } from './context.ts'

/** L0: what is asked for. */
export const verifyLabels: Verifier = (verification, context) => {
  const ref = refIn(verification)
  const wanted = Object.entries(verification.labels ?? {})
  return untilProved(context, async () => {
    const { apiVersion, kind, name, namespace } = ref
    const object = await context.client.get<KubeObject>({
      apiVersion,
      kind,
      name,
      ...(namespace !== undefined && { namespace }),
    })
    if (object === undefined) throw new StepFailure('gone', `${nameOf(ref)} is not there any more`)
    const present = object.metadata.labels ?? {}
    const wrong = wanted.filter(([key, value]) => (present[key] ?? null) !== value)
    if (wrong.length > 0) {
      const said = wrong.map(([key, value]) =>
        value === null ? `${key}=${present[key]}, which was removed` : `no ${key}=${value}`,
      )
      return { missing: `${nameOf(ref)} has ${said.join(' and ')}` }
    }
    const carried = wanted.map(([key, value]) => (value === null ? `no ${key}` : `${key}=${value}`))
    return { evidence: [`${nameOf(ref)} carries ${carried.join(', ')}`] }
  })
}
