import { meshLabels } from '../../cluster/mesh-labels.ts'
import type { FieldChange } from '../execute/changes.ts'
import { restartsWorkload } from '../execute/result.ts'
import type { CallRecord } from '../journal/state.ts'
import type { Plan } from '../result/plan.ts'

/** One thing to take back. */
export interface Undoing {
  readonly record: CallRecord
  /** Of what the call has changed, the part to restore now; everything when absent. */
  readonly part?: (change: FieldChange) => boolean
  /** With it nothing of the call is left. */
  readonly last: boolean
}

/** Restarts that made sidecars understand HBONE: they do no harm, and undoing them is another restart. */
const keptPhases = new Set(['S3'])

/**
 * In reverse, but for one thing: workloads that were restarted without their sidecars need the
 * namespace's injection back before they are restarted again, and its ambient label until then. With
 * both labels new pods get a sidecar and running ones stay in ambient, so nothing is ever without a mesh.
 */
export function undoingsOf(
  calls: readonly CallRecord[],
  steps: Plan['steps'],
): { readonly undoings: readonly Undoing[]; readonly kept: readonly CallRecord[] } {
  const phases = new Map(steps.map(({ id, phase }) => [id, phase]))
  const open = calls.filter(({ outcome, undone }) => outcome !== 'not-done' && !undone)
  const kept = open.filter(({ step }) => keptPhases.has(phases.get(step) ?? ''))
  const left = open.filter((record) => !kept.includes(record)).reverse()
  const restarts = left.filter(({ call }) => restartsWorkload(call))
  const undoings: Undoing[] = []
  const restarted = new Set<CallRecord>()
  for (const record of left) {
    const home = turnedNamespace(record)
    const waiting = restarts.filter((one) => one.call.ref.namespace === home && !restarted.has(one))
    if (restartsWorkload(record.call)) {
      // Its turn comes with that of its namespace, if this run has turned it.
      const turned = left.some((one) => turnedNamespace(one) === record.call.ref.namespace)
      if (!turned) undoings.push({ record, last: true })
    } else if (home === undefined || waiting.length === 0) undoings.push({ record, last: true })
    else {
      undoings.push({ record, part: (change) => !isAmbientLabel(change), last: false })
      for (const restart of waiting) {
        restarted.add(restart)
        undoings.push({ record: restart, last: true })
      }
      undoings.push({ record, part: isAmbientLabel, last: true })
    }
  }
  return { undoings, kept }
}

/** The namespace that a call has turned to ambient. */
export function turnedNamespace({ call }: Pick<CallRecord, 'call'>): string | undefined {
  if (call.verb !== 'patch' || call.ref.kind !== 'Namespace') return undefined
  const label = meshLabels.dataplaneMode.replace('/', '~1')
  const turns = call.patch.some(({ op, path, value }) => {
    if (op === 'test') return false
    if (path === `/metadata/labels/${label}`) return true
    const all = (value ?? {}) as Readonly<Record<string, unknown>>
    return path === '/metadata/labels' && all[meshLabels.dataplaneMode] !== undefined
  })
  return turns ? call.ref.name : undefined
}

function isAmbientLabel({ path }: FieldChange): boolean {
  return path.at(-1) === meshLabels.dataplaneMode
}
