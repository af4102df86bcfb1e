import type { Namespace, Pod } from '../../cluster/kinds.ts'
import { meshLabels } from '../../cluster/mesh-labels.ts'
import { workloadOf } from '../execute/pods.ts'
import type { KnownMigration } from '../journal/folder.ts'
import { injects } from '../plan/decide-intent.ts'
import type { NamespaceStatus, WorkloadStatus } from '../result/status.ts'
import { turnedNamespace } from '../rollback/order.ts'
import { type Membership, membershipOf } from '../verify/pods.ts'

export interface StatusFacts {
  readonly namespace: Namespace
  /** Neither ended nor on their way out. */
  readonly pods: readonly Pod[]
  readonly liveTakeover: boolean
  /** The last one of this namespace and this cluster. */
  readonly migration: KnownMigration | undefined
  readonly nowMs: number
}

/** Pure: who is on what, for how long that has been a mix, and what comes next. */
export function namespaceStatus(facts: StatusFacts): NamespaceStatus {
  const { namespace, pods, liveTakeover, migration } = facts
  const { name, labels = {} } = namespace.metadata
  const members = pods.map((pod) => ({
    workload: workloadOf(pod.metadata) ?? `Pod ${pod.metadata.name}`,
    membership: membershipOf(pod, labels, liveTakeover),
    pod,
  }))
  const has = (wanted: Membership) => members.filter(({ membership }) => membership === wanted)
  const wants = wantsOf(labels)
  const sidecars = has('sidecar')
  const ambient = has('ambient')
  const isMixed = sidecars.length > 0 && (ambient.length > 0 || wants === 'ambient')
  const journal = migration && journalOf(migration)
  return {
    namespace: name,
    wants,
    workloads: workloadsOf(members),
    ...(isMixed && {
      mixed: mixedSince(
        facts,
        ambient.map(({ pod }) => pod),
      ),
    }),
    next: nextFor(name, {
      wants,
      journal,
      pending: has('pending').length,
      ambient: ambient.length,
      sidecars: sidecars.map(({ workload }) => workload),
    }),
    ...(journal && { journal }),
  }
}

function wantsOf(labels: Readonly<Record<string, string>>): NamespaceStatus['wants'] {
  const ambient = labels[meshLabels.dataplaneMode] === 'ambient'
  if (injects(labels)) return ambient ? 'both' : 'sidecar'
  return ambient ? 'ambient' : 'none'
}

function workloadsOf(
  members: readonly { readonly workload: string; readonly membership: Membership }[],
): WorkloadStatus[] {
  const counts = new Map<string, WorkloadStatus>()
  for (const { workload, membership } of members) {
    const known = counts.get(workload) ?? {
      workload,
      sidecar: 0,
      pending: 0,
      ambient: 0,
      excluded: 0,
    }
    counts.set(workload, { ...known, [membership]: known[membership] + 1 })
  }
  return [...counts.values()].sort((a, b) => (a.workload < b.workload ? -1 : 1))
}

/** The journal knows to the second; else the label's last writer, else the oldest pod in ambient. */
function mixedSince(
  { namespace, migration, nowMs }: StatusFacts,
  ambient: readonly Pod[],
): NonNullable<NamespaceStatus['mixed']> {
  const since = (at: string, knownFrom: string) => ({
    since: at,
    durationMs: Math.max(nowMs - Date.parse(at), 0),
    knownFrom,
  })
  const turned = migration?.state.calls.find(
    (record) =>
      turnedNamespace(record) === namespace.metadata.name &&
      record.outcome === 'done' &&
      !record.undone,
  )?.doneAt
  if (turned !== undefined) return since(turned, 'the journal')
  const written = labelWrittenAt(namespace)
  if (written !== undefined) return since(written, 'the manager of the label')
  const [oldest] = ambient
    .flatMap(({ metadata, status }) => status?.startTime ?? metadata.creationTimestamp ?? [])
    .sort()
  return since(oldest ?? new Date(nowMs).toISOString(), 'the oldest pod in ambient')
}

interface ManagedFields {
  readonly time?: string
  readonly fieldsV1?: Readonly<Record<string, unknown>>
}

function labelWrittenAt({ metadata }: Namespace): string | undefined {
  const field = `"f:${meshLabels.dataplaneMode}"`
  return (metadata.managedFields as readonly ManagedFields[] | undefined)
    ?.filter(({ fieldsV1 }) => JSON.stringify(fieldsV1 ?? {}).includes(field))
    .flatMap(({ time }) => time ?? [])
    .sort()
    .at(-1)
}

function journalOf({ folder, state }: KnownMigration): NamespaceStatus['journal'] {
  const { phase, step, failed, skipped, lastAt } = state
  const [left] = skipped
  if (phase === 'new') return undefined
  return {
    folder,
    state: phase,
    ...(step !== undefined && { step }),
    ...(failed && { reason: failed.reason }),
    ...(phase === 'finished' && left && { step: left[0], reason: left[1] }),
    lastAt,
  }
}

interface NextFacts {
  readonly wants: NamespaceStatus['wants']
  readonly journal: NamespaceStatus['journal']
  readonly pending: number
  readonly ambient: number
  /** One for each pod. */
  readonly sidecars: readonly string[]
}

function nextFor(namespace: string, facts: NextFacts): string {
  const { wants, journal, pending, ambient, sidecars } = facts
  const migrate = (words: string) => `meshbench migrate ${words} --namespace ${namespace}`
  if (journal?.state === 'rolling-back') {
    return `it is half taken back: ${migrate('rollback')}`
  }
  if (journal?.state === 'resumable') {
    const where = journal.step === undefined ? '' : ` at ${journal.step}`
    const why = journal.reason === undefined ? '' : ` (${journal.reason})`
    return `a migration stopped${where}${why}: ${migrate('apply')} goes on, ${migrate('rollback')} takes it back`
  }
  if (pending > 0) {
    const pods = pending === 1 ? '1 pod is' : `${pending} pods are`
    return `${pods} still changing over: look again in a minute`
  }
  if (wants === 'both') return 'new pods still get sidecars: end injection, its label wins'
  if (wants === 'ambient') {
    const workloads = [...new Set(sidecars)]
    const [first] = workloads
    if (first === undefined && journal?.state === 'finished' && journal.step !== undefined) {
      return `${journal.step} was left for later (${journal.reason}): ${migrate('apply')} looks again`
    }
    if (first === undefined) return 'nothing: all of it is in ambient'
    const pods = sidecars.length === 1 ? '1 pod converts' : `${sidecars.length} pods convert`
    const [kind = '', name = ''] = first.split(' ')
    return `${pods} when recreated, by their next rollout or now: kubectl -n ${namespace} rollout restart ${kind.toLowerCase()}/${name}${workloads.length > 1 ? ' ...' : ''}`
  }
  if (wants === 'sidecar') return `plan it: ${migrate('plan')}`
  return ambient + sidecars.length > 0 ? 'its pods decide by their own labels' : 'it is in no mesh'
}
