import type { KubeObject } from '../../cluster/objects.ts'
import type { InventoryKind } from '../inventory/kinds.ts'
import type { Snapshot } from '../inventory/snapshot.ts'
import { type Treatment, treatments, twinsOf } from '../policy/treatment.ts'
import { backedServices, type Targets, targetsOf } from '../policy/waypoint-targets.ts'
import type { Intent, NamespaceIntent } from './intent.ts'
import { readable } from './mesh.ts'
import { type Attachable, isForSidecarsOnly, reaching, reachOf } from './selection.ts'

/** An object other than an AuthorizationPolicy that a waypoint needs a copy of. */
export interface Attached {
  readonly object: Attachable
  readonly hasTwin: boolean
  readonly copiedTo: Targets | undefined
}

/** Everything of a namespace that needs something done about it for its pods to stay as protected. */
export interface Treated {
  readonly policies: readonly Treatment[]
  readonly authentications: readonly Attached[]
  /** Telemetry and WasmPlugin. */
  readonly extensions: readonly Attached[]
  /** `AuthorizationPolicy/cart`: names in use in the namespace. */
  readonly taken: ReadonlySet<string>
}

/** What the namespace has of policies and extensions, each with what is to become of it. */
export function treated(snapshot: Snapshot, intent: Intent, target: NamespaceIntent): Treated {
  const attached = (kind: InventoryKind) => attachedObjects(snapshot, intent, target, kind)
  const kinds = [
    'authorizationPolicy',
    'requestAuthentication',
    'telemetry',
    'wasmPlugin',
    'networkPolicy',
  ] as const
  const taken = kinds.flatMap((kind) =>
    readable(() => snapshot.items<KubeObject>(kind))
      .filter(({ metadata }) => metadata.namespace === target.namespace)
      .map((object) => `${object.kind}/${object.metadata.name}`),
  )
  return {
    policies: treatments(snapshot, intent, target),
    authentications: attached('requestAuthentication'),
    extensions: [...attached('telemetry'), ...attached('wasmPlugin')],
    taken: new Set(taken),
  }
}

function attachedObjects(
  snapshot: Snapshot,
  intent: Intent,
  { namespace, waypoint }: NamespaceIntent,
  kind: InventoryKind,
): readonly Attached[] {
  const all = readable(() => snapshot.items<Attachable>(kind))
  const backed = backedServices(snapshot, namespace)
  return reaching(all, reachOf(snapshot, namespace, intent.rootNamespace)).map((object) => {
    const hasTwin = twinsOf(object, all, namespace).length > 0
    const targets = targetsOf(object, backed)
    const copied =
      waypoint !== undefined &&
      !hasTwin &&
      !isForSidecarsOnly(object) &&
      targets.services.length > 0
    return { object, hasTwin, copiedTo: copied ? targets : undefined }
  })
}
