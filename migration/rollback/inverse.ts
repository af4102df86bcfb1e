import { clone, isObject, sameJson } from '../../cluster/api/json.ts'
import { jsonPatch } from '../../cluster/api/patch/json-patch.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { migrationLabel, nameOf } from '../execute/call.ts'
import { changesBetween, type FieldChange, pointerTo, valueAt } from '../execute/changes.ts'
import { carries } from '../execute/look-up.ts'
import type { CallRecord } from '../journal/state.ts'
import type { Call } from '../result/plan.ts'

export interface Inverse {
  /** What takes the call back as things are now; absent when nothing is left of it. */
  readonly call?: Call
  /** What is left as it is, and why: somebody else has changed it meanwhile. */
  readonly notes: readonly string[]
  /** UID of what an earlier attempt has made anew already. */
  readonly remadeAs?: string
}

export type Recorded = Pick<CallRecord, 'call' | 'before' | 'after' | 'remaking'>
/** Of objects that this rollback has made anew: the UID they had, to the one they have. */
export type Lineage = ReadonlyMap<string, string>
type Operation = Extract<Call, { verb: 'patch' }>['patch'][number]

const nothing: Inverse = { notes: [] }

/**
 * What takes back a call, by what was before it and what is now. Pure. Only what is still as the call
 * left it is changed, so taking back twice, or after a crash, does no harm.
 */
export function inverseOf(
  recorded: Recorded,
  current: KubeObject | undefined,
  planId: string,
  /** Of the fields that the call has changed, those to restore now. */
  wanted: (change: FieldChange) => boolean = () => true,
  lineage: Lineage = new Map(),
): Inverse {
  const { call, before } = recorded
  if (call.verb === 'delete') return recreated(recorded, current, lineage)
  if (before === undefined) return removed(recorded, current, planId, lineage)
  return restored(recorded, before, current, wanted, lineage)
}

/** From what an object was called when the call met it to what it is now, however often it was made anew. */
export function lineageOf(calls: readonly Pick<CallRecord, 'before' | 'remadeAs'>[]): Lineage {
  return new Map(
    calls.flatMap(({ before, remadeAs }) =>
      before?.metadata.uid === undefined || remadeAs === undefined
        ? []
        : [[before.metadata.uid, remadeAs] as const],
    ),
  )
}

function isSame(then: KubeObject, now: KubeObject, lineage: Lineage): boolean {
  const known = then.metadata.uid
  const met = new Set<string | undefined>()
  for (let uid = known; uid !== undefined && !met.has(uid); uid = lineage.get(uid)) {
    if (uid === now.metadata.uid) return true
    met.add(uid)
  }
  return known === now.metadata.uid
}

/** Deleted only by uid and our label: anything else of this name is somebody else's. */
function removed(
  { call, after }: Recorded,
  current: KubeObject | undefined,
  planId: string,
  lineage: Lineage,
): Inverse {
  if (current === undefined || current.metadata.deletionTimestamp !== undefined) return nothing
  const { uid = '', labels } = current.metadata
  const name = nameOf(call.ref)
  if (after !== undefined && !isSame(after, current, lineage)) {
    return { notes: [`${name} was made anew by somebody else and is left`] }
  }
  if (labels?.[migrationLabel] !== planId) {
    // Without `after` the call was perhaps never carried out, and this is what stood in its way.
    return { notes: [`${name} does not carry our label ${migrationLabel} and is left`] }
  }
  return { call: { verb: 'delete', ref: call.ref, uid }, notes: [] }
}

function recreated(
  { call, before, remaking = false }: Recorded,
  current: KubeObject | undefined,
  lineage: Lineage,
): Inverse {
  if (before === undefined) return nothing
  if (current !== undefined) {
    if (isSame(before, current, lineage)) {
      // Finalizers keep what is being deleted; it can be made anew only when it is gone.
      return current.metadata.deletionTimestamp === undefined
        ? nothing
        : { notes: [`${nameOf(call.ref)} is still being deleted and was not made anew`] }
    }
    // Made by the attempt whose end was not written down, or just as we would have made it.
    if (remaking && carries(current, bodyOf(before))) {
      return { notes: [], remadeAs: current.metadata.uid ?? '' }
    }
    return { notes: [`${nameOf(call.ref)} was made anew by somebody else and is left`] }
  }
  return { call: { verb: 'create', ref: call.ref, body: bodyOf(before) }, notes: [] }
}

/** As its owner would send it: without what servers and controllers write. */
function bodyOf(object: KubeObject): Record<string, unknown> {
  const { status: _, metadata, ...rest } = clone(object)
  const { name, namespace, labels, annotations, finalizers, ownerReferences } = metadata
  return {
    ...rest,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ...(ownerReferences && { ownerReferences }),
    },
  }
}

function restored(
  { call, after }: Recorded,
  before: KubeObject,
  current: KubeObject | undefined,
  wanted: (change: FieldChange) => boolean,
  lineage: Lineage,
): Inverse {
  const name = nameOf(call.ref)
  if (current === undefined) return { notes: [`${name} is not there any more`] }
  if (!isSame(before, current, lineage)) {
    return { notes: [`${name} was made anew by somebody else and is left`] }
  }
  const meant = after ?? meantBy(call, before)
  if (meant === undefined) return nothing
  const changes = changesBetween(before, meant).filter(wanted)
  const work = { object: clone(current) as unknown, operations: [] as Operation[] }
  const notes: string[] = []
  for (const change of changes) {
    const now = valueAt(current, change.path)
    if (sameJson(now, change.from)) continue
    if (sameJson(now, change.to)) restore(change, before, work)
    else notes.push(`${name}: ${change.path.join('.')} was changed meanwhile and is left`)
  }
  if (work.operations.length === 0) return { notes }
  const same: Operation = { op: 'test', path: '/metadata/uid', value: current.metadata.uid }
  return {
    call: { verb: 'patch', ref: call.ref, patch: [same, ...work.operations] },
    notes,
  }
}

/** Of a call that may never have arrived. Undefined: it can only have been refused. */
function meantBy(call: Call, before: KubeObject): KubeObject | undefined {
  if (call.verb !== 'patch') return undefined
  try {
    return jsonPatch(before, call.patch) as KubeObject
  } catch {
    return undefined
  }
}

interface Work {
  object: unknown
  readonly operations: Operation[]
}

function restore({ path, from, to }: FieldChange, before: KubeObject, work: Work): void {
  const act = (operation: Operation): void => {
    work.operations.push(operation)
    work.object = jsonPatch(work.object, [operation])
  }
  const pointer = pointerTo(path)
  // Kubernetes takes null to stand for absent.
  act({ op: 'test', path: pointer, value: to ?? null })
  if (from !== undefined) {
    for (let depth = 1; depth < path.length; depth += 1) {
      const parent = path.slice(0, depth)
      if (valueAt(work.object, parent) === undefined) {
        act({ op: 'add', path: pointerTo(parent), value: {} })
      }
    }
    act({ op: 'add', path: pointer, value: from })
    return
  }
  act({ op: 'remove', path: pointer })
  // A map that the call has made goes with its last member.
  for (let depth = path.length - 1; depth > 1; depth -= 1) {
    const parent = path.slice(0, depth)
    const left = valueAt(work.object, parent)
    const isEmpty = isObject(left) && Object.keys(left).length === 0
    if (!isEmpty || valueAt(before, parent) !== undefined) return
    act({ op: 'remove', path: pointerTo(parent) })
  }
}
