import type { ClusterClient } from '../../cluster/client/types.ts'
import type { KubeObject, ObjectRef } from '../../cluster/objects.ts'
import type { Call } from '../result/plan.ts'

/** On everything a migration makes: whose it is, by the id of its plan. */
export const migrationLabel = 'meshbench.io/migration'

/** Sends one call; gives what it made of the object, nothing for a deleted one. */
export async function sendCall(
  client: ClusterClient,
  call: Call,
  { dryRun = false, owner }: { readonly dryRun?: boolean; readonly owner?: string } = {},
): Promise<KubeObject | undefined> {
  const ref = refOf(call)
  switch (call.verb) {
    case 'create':
      return client.create(bodyOf(call, owner), { dryRun })
    case 'apply':
      return client.patch<KubeObject>(ref, 'apply', bodyOf(call, owner), { dryRun })
    case 'patch':
      return client.patch<KubeObject>(ref, 'json', call.patch, { dryRun })
    case 'delete':
      await client.delete(ref, { dryRun, uid: call.uid })
      return undefined
  }
}

export function refOf({ ref }: Pick<Call, 'ref'>): ObjectRef {
  const { apiVersion, kind, name, namespace } = ref
  return { apiVersion, kind, name, ...(namespace !== undefined && { namespace }) }
}

/** `Gateway shop/waypoint`, `Namespace shop`. */
export function nameOf({ kind, name, namespace }: ObjectRef | Call['ref']): string {
  return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`
}

/** `patch Namespace shop`. */
export function textOf(call: Call): string {
  return `${call.verb} ${nameOf(call.ref)}`
}

/** With `owner`, the plan that makes it, on its label. */
function bodyOf(call: Extract<Call, { verb: 'create' | 'apply' }>, owner?: string): KubeObject {
  const { apiVersion, kind, name, namespace } = call.ref
  const metadata = (call.body.metadata ?? {}) as Partial<KubeObject['metadata']>
  const labels = { ...metadata.labels, ...(owner !== undefined && { [migrationLabel]: owner }) }
  return {
    ...call.body,
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      name,
      ...(namespace !== undefined && { namespace }),
      ...(Object.keys(labels).length > 0 && { labels }),
    },
  }
}
