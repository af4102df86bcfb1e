import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { podBackend } from '../agent/pod-backend.ts'
import { startApiServer } from '../api/server.ts'
import { createAuthority } from '../ca/authority.ts'
import { writeKubeconfig } from '../client/kubeconfig.ts'
import { createEventRecorder } from '../controllers/events.ts'
import { ClusterError } from '../errors.ts'
import { kinds } from '../kinds.ts'
import { startCore } from './core.ts'
import { builtInImages } from './images.ts'
import { readProcesses } from './process-counters.ts'
import type { EmbeddedCluster, EmbeddedClusterOptions } from './types.ts'
import { usageReader } from './usage.ts'

const trustDomain = 'cluster.local'

/** A Kubernetes-compatible cluster inside this process; its pods are child processes. */
export async function startEmbeddedCluster(
  options: EmbeddedClusterOptions,
): Promise<EmbeddedCluster> {
  options.signal?.throwIfAborted()
  const directory = resolve(options.directory)
  await makeDirectory(directory)
  const ca = await createAuthority({ trustDomain })
  const core = await startCore({
    images: { ...builtInImages, ...options.images },
    logDirectory: join(directory, 'logs'),
    issuer: ca,
    trustDomain,
    ...(options.ports ? { ports: options.ports } : {}),
    ...(options.addresses ? { addresses: options.addresses } : {}),
    ...(options.istioSemantics ? { istioSemantics: true } : {}),
    ...(options.historyLength ? { historyLength: options.historyLength } : {}),
    onNotice: options.onNotice ?? (() => undefined),
  })
  const kubeconfigPath = join(directory, 'kubeconfig')
  const record = createEventRecorder(core.store, 'apiserver')
  const api = await startApiServer({
    store: core.store,
    ca,
    onUnread: (what) => {
      const system = core.store.get({ ...kinds.namespace, name: 'kube-system' })
      const message = `Cut off: ${what}`
      if (system) record(system, { type: 'Warning', reason: 'WatchDropped', message })
    },
    pods: podBackend(() => core.agents.runners(), core.plan),
    usage: usageReader(() => core.agents.runners(), options.readProcesses ?? readProcesses),
  }).catch(async (error: unknown) => {
    await core.stop()
    throw error
  })

  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      options.signal?.removeEventListener('abort', onAbort)
      await Promise.all([api.close(), core.stop()])
      // Its token opens nothing any more.
      await rm(kubeconfigPath, { force: true })
    })()
    return stopped
  }
  const onAbort = (): void => void stop()
  options.signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await writeKubeconfig(kubeconfigPath, { server: api.url, caPem: api.caPem, token: api.token })
    options.signal?.throwIfAborted()
  } catch (error) {
    await stop()
    throw error
  }
  return { kubeconfigPath, stop }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(join(directory, 'logs'), { recursive: true })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ClusterError(`cannot make the cluster's directory: ${reason}`, {
      code: 'CLUSTER_DIRECTORY',
      hint: 'Choose a directory that can be written to.',
      cause,
    })
  }
}
