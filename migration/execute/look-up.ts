import { isObject, sameJson } from '../../cluster/api/json.ts'
import { jsonPatch } from '../../cluster/api/patch/json-patch.ts'
import type { ClusterClient } from '../../cluster/client/types.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import type { CallRecord } from '../journal/state.ts'
import { migrationLabel, nameOf, refOf } from './call.ts'
import { changesBetween, valueAt } from './changes.ts'
import { StepFailure } from './refusal.ts'

/** A call with what there was before it. */
export interface Meant {
  readonly call: CallRecord['call']
  readonly before?: KubeObject
  /** It makes what was there once: it stays its owner's and gets no label of ours. */
  readonly restores?: boolean
}

export type Finding =
  | { readonly outcome: 'done'; readonly after?: KubeObject }
  | { readonly outcome: 'not-done' }

/**
 * Whether a call whose answer nobody has seen was carried out, by what the cluster shows of it.
 * @throws StepFailure when the object is neither as it was nor as the call would have made it.
 */
export async function lookUp(
  client: ClusterClient,
  meant: Meant,
  planId: string,
): Promise<Finding> {
  const current = await client.get<KubeObject>(refOf(meant.call))
  return judge(meant, current, planId)
}

/** Pure. */
export function judge(
  { call, before, restores = false }: Meant,
  current: KubeObject | undefined,
  planId: string,
): Finding {
  switch (call.verb) {
    case 'delete': {
      const present = current !== undefined && current.metadata.uid === call.uid
      const leaving = current?.metadata.deletionTimestamp !== undefined
      return { outcome: present && !leaving ? 'not-done' : 'done' }
    }
    case 'create':
      if (current === undefined) return { outcome: 'not-done' }
      if (restores ? carries(current, call.body) : isOurs(current, planId)) {
        return { outcome: 'done', after: current }
      }
      throw new StepFailure('refused', `${nameOf(call.ref)} exists already and is not ours`)
    case 'apply': {
      if (current === undefined) return { outcome: 'not-done' }
      const untouched = before?.metadata.resourceVersion === current.metadata.resourceVersion
      const applied = !untouched && carries(current, call.body)
      return applied ? { outcome: 'done', after: current } : { outcome: 'not-done' }
    }
    case 'patch':
      return judgePatch(call, before, current)
  }
}

function isOurs({ metadata }: KubeObject, planId: string): boolean {
  return metadata.labels?.[migrationLabel] === planId
}

function judgePatch(
  call: Extract<CallRecord['call'], { verb: 'patch' }>,
  before: KubeObject | undefined,
  current: KubeObject | undefined,
): Finding {
  if (current === undefined || before === undefined) {
    throw new StepFailure('gone', `${nameOf(call.ref)} is not there any more`)
  }
  // A patch that did not fit what was read can only have been refused.
  let meant: unknown
  try {
    meant = jsonPatch(before, call.patch)
  } catch {
    return { outcome: 'not-done' }
  }
  const changes = changesBetween(before, meant as KubeObject)
  const done = changes.filter(({ path, to }) => sameJson(valueAt(current, path), to))
  if (done.length === changes.length) return { outcome: 'done', after: current }
  const left = changes.filter(({ path, from }) => sameJson(valueAt(current, path), from))
  if (left.length === changes.length) return { outcome: 'not-done' }
  const others = changes.filter((one) => !done.includes(one) && !left.includes(one))
  const where = (others.length > 0 ? others : done).map(({ path }) => path.join('.')).join(', ')
  throw new StepFailure('drift', `somebody else has changed ${where} of ${nameOf(call.ref)}`)
}

/** Everything that was applied is there. */
export function carries(current: unknown, applied: unknown): boolean {
  if (Array.isArray(applied)) {
    return (
      Array.isArray(current) &&
      applied.every((wanted) => current.some((present) => carries(present, wanted)))
    )
  }
  if (!isObject(applied)) return sameJson(current, applied)
  return (
    isObject(current) && Object.entries(applied).every(([key, one]) => carries(current[key], one))
  )
}
