import type { KubeObject } from '../../cluster/objects.ts'
import type { Call } from '../result/plan.ts'
import type { JournalEntry, PodIdentity } from './entry.ts'

/** One call of the plan and what became of it. */
export interface CallRecord {
  readonly step: string
  readonly index: number
  readonly call: Call
  readonly before?: KubeObject
  readonly after?: KubeObject
  /** `undecided`: it may or may not have been carried out. */
  readonly outcome: 'undecided' | 'done' | 'not-done'
  readonly doneAt?: string
  readonly undone: boolean
  readonly undoNote?: string
  /** It was tried, perhaps in vain, to make anew what the call had deleted. */
  readonly remaking?: boolean
  /** UID of what was made anew: to every earlier call of this migration it is the same object. */
  readonly remadeAs?: string
}

export interface OpenCanary {
  readonly namespace: string
  readonly name: string
}

export interface MigrationState {
  /**
   * - `new`: nothing was begun, or a crash came before the first entry was whole.
   * - `resumable`: at `step`, whose calls before `call` are carried out; failed and paused ones too.
   * - `finished`: everything was carried out and verified, but for what is in `skipped`.
   * - `rolling-back`: interrupted while being taken back; only that can be resumed.
   * - `rolled-back`: taken back as far as the notes of its calls say.
   */
  readonly phase: 'new' | 'resumable' | 'finished' | 'rolling-back' | 'rolled-back'
  readonly plan: string
  readonly hash: string
  readonly cluster?: string
  readonly holder: string
  readonly namespaces: readonly string[]
  readonly startedAt: string
  readonly lastAt: string
  /** The step begun last and not verified; absent between steps. */
  readonly step?: string
  /** Index of the first call of that step that is not known to be carried out. */
  readonly call?: number
  /** The one call of which the cluster has to tell whether it was carried out. */
  readonly undecided?: CallRecord
  readonly calls: readonly CallRecord[]
  readonly verified: ReadonlyMap<string, readonly string[]>
  /** Steps whose time had not come, by reason; the next `apply` looks again. */
  readonly skipped: ReadonlyMap<string, string>
  readonly failed?: { readonly step: string; readonly reason: string }
  readonly pausedAfter?: string
  /** Pods of ours that may still be there. */
  readonly canaries: readonly OpenCanary[]
  readonly podsBefore: readonly PodIdentity[]
  /** Just before the step of this name. */
  readonly podsBeforeStep: ReadonlyMap<string, readonly PodIdentity[]>
}

interface Draft {
  phase: MigrationState['phase']
  started?: Extract<JournalEntry, { entry: 'started' }>
  holder: string
  lastAt: string
  step?: string | undefined
  failed?: MigrationState['failed'] | undefined
  pausedAfter?: string | undefined
  calls: Map<string, CallRecord>
  verified: Map<string, readonly string[]>
  canaries: readonly OpenCanary[]
  skipped: Map<string, string>
  podsBefore: readonly PodIdentity[]
  podsBeforeStep: Map<string, readonly PodIdentity[]>
}

const nothing = (): Draft => ({
  phase: 'new',
  holder: '',
  lastAt: '',
  calls: new Map(),
  verified: new Map(),
  canaries: [],
  skipped: new Map(),
  podsBefore: [],
  podsBeforeStep: new Map(),
})

/** What a journal says. A migration that was rolled back may be started again, in the same journal. */
export function stateOf(entries: readonly JournalEntry[]): MigrationState {
  let draft = nothing()
  for (const entry of entries) {
    // A pod outlives the migration that has forgotten it.
    if (entry.entry === 'started') draft = { ...nothing(), canaries: draft.canaries }
    read(entry, draft)
    draft.lastAt = entry.at
  }
  const calls = [...draft.calls.values()]
  const undecided = calls.find(({ outcome, undone }) => outcome === 'undecided' && !undone)
  const done = calls.filter(({ step, outcome }) => step === draft.step && outcome === 'done')
  return {
    phase: draft.phase,
    plan: draft.started?.plan ?? '',
    hash: draft.started?.hash ?? '',
    ...(draft.started?.cluster !== undefined && { cluster: draft.started.cluster }),
    holder: draft.holder,
    namespaces: draft.started?.namespaces ?? [],
    startedAt: draft.started?.at ?? '',
    lastAt: draft.lastAt,
    ...(draft.step !== undefined && { step: draft.step, call: done.length }),
    ...(undecided && { undecided }),
    calls,
    verified: draft.verified,
    skipped: draft.skipped,
    ...(draft.failed && { failed: draft.failed }),
    ...(draft.pausedAfter !== undefined && { pausedAfter: draft.pausedAfter }),
    canaries: draft.canaries,
    podsBefore: draft.podsBefore,
    podsBeforeStep: draft.podsBeforeStep,
  }
}

function read(entry: JournalEntry, draft: Draft): void {
  switch (entry.entry) {
    case 'started':
      draft.phase = 'resumable'
      draft.started = entry
      draft.holder = entry.holder
      return
    case 'resumed':
      draft.phase = 'resumable'
      draft.holder = entry.holder
      // Whoever resumes a failed step has seen what it said of the pods.
      if (draft.failed) draft.podsBeforeStep.delete(draft.failed.step)
      draft.failed = undefined
      draft.pausedAfter = undefined
      return
    case 'pods':
      draft.podsBefore = entry.pods
      return
    case 'step':
      draft.step = entry.step
      if (entry.pods && !draft.podsBeforeStep.has(entry.step)) {
        draft.podsBeforeStep.set(entry.step, entry.pods)
      }
      return
    case 'call': {
      const { step, index, call, before } = entry
      const record = { step, index, call, outcome: 'undecided', undone: false } as const
      draft.calls.set(keyOf(entry), { ...record, ...(before && { before }) })
      return
    }
    case 'called': {
      const { after, at } = entry
      change(draft, entry, { outcome: 'done', doneAt: at, ...(after && { after }) })
      return
    }
    case 'not-called':
      change(draft, entry, { outcome: 'not-done' })
      return
    case 'canary': {
      const { namespace, name } = entry
      draft.canaries = [...draft.canaries, { namespace, name }]
      return
    }
    case 'canary-removed':
      draft.canaries = draft.canaries.filter(
        ({ namespace, name }) => namespace !== entry.namespace || name !== entry.name,
      )
      return
    case 'verified':
      draft.verified.set(entry.step, entry.evidence)
      draft.skipped.delete(entry.step)
      draft.step = undefined
      draft.failed = undefined
      return
    case 'skipped':
      draft.skipped.set(entry.step, entry.reason)
      draft.step = undefined
      return
    case 'failed':
      draft.failed = { step: entry.step, reason: entry.reason }
      return
    case 'paused':
      draft.pausedAfter = entry.step
      return
    case 'finished':
      draft.phase = 'finished'
      draft.step = undefined
      return
    case 'rollback':
      draft.phase = 'rolling-back'
      draft.holder = entry.holder
      return
    case 'undone': {
      const { note, remadeAs } = entry
      change(draft, entry, {
        undone: true,
        ...(note !== undefined && { undoNote: note }),
        ...(remadeAs !== undefined && { remadeAs }),
      })
      return
    }
    // Carried out or not, what it does is seen in the cluster: taking back goes by that alone.
    case 'undo':
      if (entry.call.verb === 'create') change(draft, entry, { remaking: true })
      return
    case 'rolled-back':
      draft.phase = 'rolled-back'
      return
    case 'rollback-failed':
      return
  }
}

function change(
  draft: Draft,
  named: { readonly step: string; readonly index: number },
  to: Partial<CallRecord>,
): void {
  const known = draft.calls.get(keyOf(named))
  if (known) draft.calls.set(keyOf(named), { ...known, ...to })
}

function keyOf({ step, index }: { readonly step: string; readonly index: number }): string {
  return `${step} ${index}`
}
