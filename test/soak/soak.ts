import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectCluster } from '../../cluster/client/connect.ts'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { startEmbeddedCluster } from '../../cluster/embedded/index.ts'
import { kinds, type Pod } from '../../cluster/kinds.ts'
import { deployInto } from '../../harness/deploy/deploy.ts'
import { generatorImage, generatorImages } from '../../harness/deploy/generator-image.ts'
import { findWorkload } from '../../harness/deploy/workload.ts'
import type { Failures } from '../../harness/load/protocol.ts'
import { descendantsOf } from '../support/process-tree.ts'
import { type Change, churn, kills } from './churn.ts'
import { type Footprint, footprint, openDescriptors, podLogs } from './footprint.ts'
import { judge, type Verdict } from './leaks.ts'
import { startLoad } from './load.ts'
import { eventually, Settled } from './settled.ts'

export interface SoakOptions {
  readonly durationMs: number
  readonly ratePerSecond: number
  readonly withKills: boolean
  readonly onProgress: (sentence: string) => void
}

export interface ChangeReport {
  readonly name: string
  readonly mayLose: boolean
  readonly times: number
  readonly answered: number
  readonly failed: number
  readonly causes: Failures
  /** The longest it took until the cluster said that it was done. */
  readonly longestMs: number
}

export interface SoakReport {
  readonly rounds: number
  readonly durationMs: number
  readonly changes: readonly ChangeReport[]
  readonly samples: readonly Footprint[]
  /** Absent when the time was too short for a trend. */
  readonly verdicts?: readonly Verdict[]
  /** What was there after the end and not before the beginning. */
  readonly leftOver: readonly string[]
  readonly notices: readonly string[]
  readonly ok: boolean
}

const namespace = 'soak'
const nodes = ['node-1', 'node-2']
/** Load after every change, so that what breaks later is told with what broke it. */
const dwellSeconds = 2
/** Full after a round: what a bounded history holds must not look like a leak. */
const historyLength = 100

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const startedAtMs = performance.now()
  const directory = mkdtempSync(join(tmpdir(), 'meshbench-soak-'))
  const logs = join(directory, 'logs')
  const before = new Set(openDescriptors())
  const notices: string[] = []
  const cluster = await startEmbeddedCluster({
    directory,
    images: generatorImages,
    historyLength,
    onNotice: (notice) => notices.push(notice),
  })
  const changes = new Map<string, ChangeReport>()
  const samples: Footprint[] = []
  let rounds = 0
  try {
    const client = await connectCluster({ kubeconfigPath: cluster.kubeconfigPath })
    const { generatorPod, entry } = await deployInto(client, { namespace }, nodes, true, {
      mode: 'sidecar',
      workload: findWorkload('chain'),
      adjust: { replicas: 2, responseBytes: null },
      generatorImage,
      onProgress: options.onProgress,
    })
    const settled = new Settled(client, namespace)
    const load = startLoad(client, { namespace, pod: generatorPod, entry }, options.ratePerSecond)
    await load.seconds(dwellSeconds)
    const all = [
      ...churn(client, namespace),
      ...(options.withKills ? kills(client, namespace) : []),
    ]
    const end = startedAtMs + options.durationMs
    do {
      for (const change of all) {
        options.onProgress(`round ${rounds + 1}: ${change.name}`)
        const begunMs = performance.now()
        await change.run()
        const tookMs = performance.now() - begunMs
        await load.seconds(dwellSeconds)
        add(changes, change, tookMs, load.take())
      }
      await settled.nobodyLeaves()
      await load.seconds(dwellSeconds)
      await forgetEvents(client)
      samples.push(await footprint(logs, await pidsOf(client, generatorPod)))
      rounds += 1
    } while (performance.now() < end)
    await load.stop()
    await client.delete({ ...kinds.namespace, name: namespace })
    await eventually(
      'the namespace to go',
      async () => (await client.get({ ...kinds.namespace, name: namespace })) === undefined,
    )
  } finally {
    await cluster.stop()
  }
  const leftOver = await whatIsLeft(before, logs)
  rmSync(directory, { recursive: true, force: true })
  const verdicts = judge(samples)
  const lost = [...changes.values()].some(({ failed, mayLose }) => failed > 0 && !mayLose)
  return {
    rounds,
    durationMs: performance.now() - startedAtMs,
    changes: [...changes.values()],
    samples,
    ...(verdicts && { verdicts }),
    leftOver,
    notices,
    ok: !lost && leftOver.length === 0 && !(verdicts ?? []).some(({ leaks }) => leaks),
  }
}

/** They are kept for an hour, which in less than that looks like a leak. */
async function forgetEvents(client: ClusterClient): Promise<void> {
  for (const { metadata } of await client.list(kinds.event)) {
    await client.delete({ ...kinds.event, ...metadata })
  }
}

async function pidsOf(client: ClusterClient, name: string): Promise<number[]> {
  const pod = await client.get<Pod>({ ...kinds.pod, namespace, name })
  const { containerStatuses = [], initContainerStatuses = [] } = pod?.status ?? {}
  return [...containerStatuses, ...initContainerStatuses].flatMap(({ containerID }) =>
    containerID === undefined ? [] : [Number(containerID.replace('process://', ''))],
  )
}

/** Their pods live until the cluster stops; logs go with pods. */
const ztunnelLogs = nodes.length

/** After a moment for what closes by itself. */
async function whatIsLeft(before: ReadonlySet<string>, logs: string): Promise<string[]> {
  const look = (): string[] => {
    const folders = podLogs(logs)
    return [
      ...descendantsOf(process.pid).map((pid) => `process ${pid}`),
      ...openDescriptors().filter((target) => !before.has(target)),
      ...(folders > ztunnelLogs ? [`logs of ${folders} pods`] : []),
    ]
  }
  for (let left = look(), waits = 0; ; left = look(), waits += 1) {
    if (left.length === 0 || waits === 20) return left
    await sleep(100)
  }
}

function add(
  changes: Map<string, ChangeReport>,
  { name, mayLose = false }: Change,
  tookMs: number,
  load: { readonly answered: number; readonly failed: number; readonly causes: Failures },
): void {
  const known = changes.get(name)
  changes.set(name, {
    name,
    mayLose,
    times: (known?.times ?? 0) + 1,
    answered: (known?.answered ?? 0) + load.answered,
    failed: (known?.failed ?? 0) + load.failed,
    causes: { ...known?.causes, ...load.causes },
    longestMs: Math.max(known?.longestMs ?? 0, tookMs),
  })
}
