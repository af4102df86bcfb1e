import { randomBytes } from 'node:crypto'
import type { Store } from '../api/store.ts'
import { ClusterError } from '../errors.ts'
import { kinds } from '../kinds.ts'
import type { KubeObject } from '../objects.ts'
import { timestamp } from './conditions.ts'
import type { Controller, ControllerContext } from './context.ts'
import { refOf } from './ownership.ts'

export interface EventNote {
  readonly type?: 'Normal' | 'Warning'
  /** CamelCase and stable: people and scripts look for it. */
  readonly reason: string
  readonly message: string
  /** `spec.containers{app}`: the part of the object it is about. */
  readonly fieldPath?: string
  readonly host?: string
}

/** Tells people what became of an object, as `kubectl describe` and `get events` show it. */
export type EventRecorder = (object: KubeObject, note: EventNote) => void

/** As long as Kubernetes keeps them (--event-ttl). */
const keptMs = 60 * 60 * 1000
const collectEveryMs = 60_000
/** Events remembered so that a repeated one is counted instead of stored again. */
const rememberedMost = 1_000

interface RecordedEvent extends KubeObject {
  count?: number
  lastTimestamp?: string
}

export function createEventRecorder(store: Store, component: string): EventRecorder {
  const names = new Map<string, string>()

  return (object, note) => {
    const namespace = object.metadata.namespace ?? 'default'
    const { uid } = object.metadata
    const key = [uid, note.type, note.reason, note.message, note.fieldPath].join('\0')
    const known = names.get(key)
    const now = timestamp()
    try {
      if (known !== undefined) {
        const ref = { ...kinds.event, name: known, namespace }
        const repeated = store.mutate<RecordedEvent>(ref, (event) => ({
          ...event,
          count: (event.count ?? 1) + 1,
          lastTimestamp: now,
        }))
        if (repeated !== undefined) return
      }
      const name = `${object.metadata.name}.${randomBytes(8).toString('hex')}`
      store.create(eventOf(object, note, { name, namespace, component, now }))
      names.set(key, name)
      const oldest = names.keys().next().value
      if (names.size > rememberedMost && oldest !== undefined) names.delete(oldest)
    } catch (error) {
      // A namespace on its way out takes no more of them; what happens goes on without being told.
      if (!(error instanceof ClusterError)) throw error
    }
  }
}

function eventOf(
  object: KubeObject,
  { type = 'Normal', reason, message, fieldPath, host }: EventNote,
  about: { name: string; namespace: string; component: string; now: string },
): KubeObject {
  const { name, namespace, component, now } = about
  const { uid, resourceVersion } = object.metadata
  return {
    ...kinds.event,
    metadata: { name, namespace },
    involvedObject: {
      ...refOf(object),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(fieldPath !== undefined && { fieldPath }),
    },
    type,
    reason,
    message,
    source: { component, ...(host !== undefined && { host }) },
    reportingComponent: component,
    reportingInstance: host ?? '',
    firstTimestamp: now,
    lastTimestamp: now,
    eventTime: null,
    count: 1,
  }
}

/** Drops events that nobody needs any more. */
export function startEventCollector({ store, onError }: ControllerContext): Controller {
  const collect = (): void => {
    const oldest = timestamp(new Date(Date.now() - keptMs))
    for (const event of store.list<RecordedEvent>(kinds.event)) {
      const last = event.lastTimestamp ?? event.metadata.creationTimestamp ?? ''
      if (last < oldest) store.delete(refOf(event))
    }
  }
  const timer = setInterval(() => {
    try {
      collect()
    } catch (error) {
      onError(error)
    }
  }, collectEveryMs)
  timer.unref()
  return {
    stop: async () => clearInterval(timer),
  }
}
