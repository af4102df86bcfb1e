import { join, resolve } from 'node:path'
import { generatorImage } from '../../../harness/deploy/generator-image.ts'
import { describeHost } from '../../../harness/environment/host.ts'
import { callersOf } from '../../../harness/rehearsal/callers.ts'
import { openStage } from '../../../harness/rehearsal/stage.ts'
import { createRunFolder, type RunFolder, writeAtomically } from '../../../harness/result/folder.ts'
import { applyPlan } from '../../../migration/execute/apply.ts'
import { identitiesIn } from '../../../migration/execute/pods.ts'
import { takeSnapshot } from '../../../migration/inventory/take-snapshot.ts'
import { migrationFolder } from '../../../migration/journal/folder.ts'
import { driftOf } from '../../../migration/plan/basis.ts'
import { recordRehearsal } from '../../../migration/rehearse/record.ts'
import { type Carry, rehearse } from '../../../migration/rehearse/rehearse.ts'
import type { Plan } from '../../../migration/result/plan.ts'
import { type Rehearsal, rehearsalSchema } from '../../../migration/result/rehearsal.ts'
import { rollbackMigration } from '../../../migration/rollback/rollback.ts'
import type { RawRehearseOptions } from '../../commands/migrate/rehearse.ts'
import type { CommandContext } from '../../context.ts'
import { exitCodes } from '../../exit-codes.ts'
import { openCluster, type RunCluster } from '../../run/cluster.ts'
import { type Progress, showProgress } from '../../terminal/progress.ts'
import { newPlan } from '../new-plan.ts'
import { type ExecutionProgress, showExecution } from '../progress.ts'
import { type RehearseSettings, settleRehearseOptions } from './settings.ts'
import { type RehearsalSource, readSource } from './source.ts'
import { rehearsalLines } from './summary.ts'

const nobodyPast =
  'callers with a sidecar of their own or without a mesh: they go past the waypoint, and --protect-from-bypass waits until nobody does'
const resultFile = 'rehearsal.json'
const reportFile = 'report.html'

/** Rehearses in an embedded cluster of its own, which is gone afterwards; leaves a folder with the result. */
export async function rehearseMigration(
  raw: RawRehearseOptions,
  context: CommandContext,
): Promise<number> {
  const settings = settleRehearseOptions(raw)
  const source = await readSource(raw, settings.namespace, context)
  const folder = createRunFolder(resolve(settings.out), Date.now())
  const progress = showProgress(context.stderr)
  const opening = untilOpen(context.signal)
  let cluster: RunCluster | undefined
  try {
    const { istioSemantics } = settings
    cluster = await openCluster(folder.path, progress.note, opening.signal, { istioSemantics })
    opening.done()
    const record = await onStage({ settings, source, folder, context, progress }, cluster)
    return await finish(record, folder, context)
  } finally {
    progress.end()
    await cluster?.stop()
  }
}

/** Once it is open the cluster outlives Ctrl-C for as long as it takes to tell what was measured. */
function untilOpen(signal: AbortSignal): { readonly signal: AbortSignal; done(): void } {
  const controller = new AbortController()
  const stop = (): void => controller.abort(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  return { signal: controller.signal, done: () => signal.removeEventListener('abort', stop) }
}

interface Staging {
  readonly settings: RehearseSettings
  readonly source: RehearsalSource
  readonly folder: RunFolder
  readonly context: CommandContext
  readonly progress: Progress
}

async function onStage(staging: Staging, { client }: RunCluster): Promise<Rehearsal> {
  const { settings, source, folder, context, progress } = staging
  const { namespace, ratePerSecond, settleMs, restartWorkloads, accept, endings } = settings
  const { signal } = context
  const say = (sentence: string): void =>
    progress.onEvent({ type: 'phase', phase: 'deploying', sentence })
  say(`building ${namespace} with its callers`)
  const stage = await openStage(client, {
    rehearsed: source.rehearsed,
    // As long as somebody comes past the waypoint nobody is kept from it.
    callers: callersOf(namespace, !endings.protectFromBypass),
    ratePerSecond,
    generatorImage,
    onProgress: say,
    signal,
  })
  say('planning')
  const plan = await newPlan(
    client,
    {
      namespaces: [namespace],
      restartWorkloads,
      waypoint: settings.waypoint,
      waypointName: 'waypoint',
      accept,
      probe: false,
      ...endings,
    },
    context,
  )
  const journalDirectory = join(folder.path, 'migration')
  const steps = showExecution(context.stderr)
  const course = await rehearse({
    stage,
    pods: () => identitiesIn(client, [namespace]),
    apply: told(steps, (onEvent) =>
      applyPlan(client, plan, {
        journalDirectory,
        readDrift: () => drift(client, plan, signal),
        accept,
        signal,
        onEvent,
      }),
    ),
    ...(settings.rollback
      ? {
          rollback: told(steps, (onEvent) =>
            rollbackMigration(client, migrationFolder(journalDirectory, plan.id), {
              signal,
              onEvent,
            }),
          ),
        }
      : {}),
    settleMs,
    onProgress: say,
    signal,
  })
  steps.end()
  const { out: _, namespace: __, accept: ___, endings: ____, ...asked } = settings
  const { allowBypass, ...flags } = endings
  const options = { ...asked, ...flags, ...(allowBypass && { allowBypass: [...allowBypass] }) }
  const { node, os, cores } = await describeHost()
  const { gitVersion } = await client.version()
  return recordRehearsal(
    {
      tool: { name: 'meshbench', version: context.version },
      id: folder.runId,
      namespace,
      source: {
        ...source.source,
        leftOut: [
          ...source.source.leftOut,
          ...(endings.protectFromBypass ? [nobodyPast] : []),
          ...stage.notCalled,
        ],
      },
      options,
      environment: { node, os, cores, cluster: gitVersion },
    },
    course,
    stage,
  )
}

async function drift(client: RunCluster['client'], plan: Plan, signal: AbortSignal) {
  const { namespaces } = plan.options
  return driftOf(plan, await takeSnapshot(client, { namespaces, signal }))
}

/** What is shown to people comes first: the rehearsal holds the execution while it measures. */
function told(
  progress: ExecutionProgress,
  run: (onEvent: Parameters<Carry>[0]) => ReturnType<Carry>,
): Carry {
  return (onEvent) =>
    run(async (event) => {
      progress.onEvent(event)
      await onEvent(event)
    })
}

async function finish(
  record: Rehearsal,
  folder: RunFolder,
  context: CommandContext,
): Promise<number> {
  const exitCode = exitCodeOf(record)
  const resultPath = join(folder.path, resultFile)
  writeAtomically(resultPath, `${JSON.stringify(rehearsalSchema.parse(record), null, 2)}\n`)
  const { rehearsalHtml } = await import('../../../reports/rehearsal/report.ts')
  const reportPath = join(folder.path, reportFile)
  writeAtomically(reportPath, await rehearsalHtml(record))
  const files = [resultPath, reportPath]
  if (context.json) {
    context.out(JSON.stringify({ ...record, folder: folder.path, files, exitCode }))
  } else {
    for (const line of rehearsalLines(record, context.paint)) context.out(line)
    context.out(`report: ${reportPath}`)
  }
  return exitCode
}

function exitCodeOf({ verdict }: Rehearsal): number {
  switch (verdict) {
    case 'clean':
      return exitCodes.ok
    case 'lossy':
      return exitCodes.refused
    case 'inconclusive':
      return exitCodes.untrustworthy
    case 'failed':
      return exitCodes.migrationFailed
    case 'interrupted':
      return exitCodes.interrupted
  }
}
