import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assertFits, thisMachine } from '../../harness/deploy/capacity.ts'
import { generatorImage } from '../../harness/deploy/generator-image.ts'
import { findWorkload } from '../../harness/deploy/workload.ts'
import { type Playground, startPlayground } from '../../harness/playground/start.ts'
import { configure } from '../config/layers.ts'
import type { CommandContext } from '../context.ts'
import { exitCodes } from '../exit-codes.ts'
import { openCluster } from '../run/cluster.ts'
import { showProgress } from '../terminal/progress.ts'
import { copyKubeconfig, refuseExisting } from './kubeconfig-copy.ts'
import { type RawUpOptions, settleUpOptions } from './settings.ts'
import { type View, viewFor } from './view.ts'

const tickMs = 1_000

/** Runs until Ctrl-C, which is its proper end once everything is up. Leaves nothing behind. */
export async function up(raw: RawUpOptions, context: CommandContext): Promise<number> {
  // Workload and rate of a meshbench.yaml are a run's; what kind of cluster it is holds for both.
  const { istioSemantics } = configure({ istioSemantics: raw.istioSemantics }, context.env).raw
  const settings = settleUpOptions({ ...raw, istioSemantics })
  const { mode, ratePerSecond, replicas, kubeconfigCopy } = settings
  const workload = findWorkload(settings.workload, settings)
  assertFits(workload, [mode], { replicas }, thisMachine())
  if (kubeconfigCopy !== undefined) refuseExisting(kubeconfigCopy)

  const progress = showProgress(context.stderr)
  for (const warning of workload.warnings) progress.note(`warning: ${warning}`)
  let view: View | undefined
  const note = (text: string): void => (view ?? progress).note(text)
  const undo: (() => unknown)[] = []
  try {
    const folder = mkdtempSync(join(tmpdir(), 'meshbench-up-'))
    undo.push(() => rmSync(folder, { recursive: true, force: true }))
    const cluster = await openCluster(folder, note, context.signal, settings)
    undo.push(() => cluster.stop())
    let { kubeconfigPath } = cluster
    if (kubeconfigCopy !== undefined) {
      undo.push(copyKubeconfig(kubeconfigPath, kubeconfigCopy))
      kubeconfigPath = kubeconfigCopy
    }
    const say = (sentence: string): void =>
      progress.onEvent({ type: 'phase', phase: 'deploying', sentence })
    say(`starting ${workload.name} as ${mode}`)
    const playground = await startPlayground(cluster.client, {
      workload,
      mode,
      ratePerSecond,
      replicas,
      generatorImage,
      onProgress: say,
      signal: context.signal,
    })
    progress.end()
    const { namespace } = playground
    view = viewFor(context, {
      namespace,
      workload: workload.name,
      mode,
      ratePerSecond,
      kubeconfigPath,
    })
    await watchOver(playground, view)
    return exitCodes.ok
  } finally {
    progress.end()
    for (const step of undo.reverse()) await step()
  }
}

async function watchOver(playground: Playground, view: View): Promise<void> {
  const startedAtMs = performance.now()
  const show = (): void => {
    const uptimeMs = performance.now() - startedAtMs
    view.show({ uptimeMs, pods: playground.pods(), load: playground.load() })
  }
  const timer = setInterval(show, tickMs)
  try {
    await playground.ended
  } finally {
    clearInterval(timer)
    view.end()
  }
}
