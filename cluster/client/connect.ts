import { isObject } from '../api/json.ts'
import { isNotFound } from '../errors.ts'
import type { KubeObject, ObjectRef } from '../objects.ts'
import { eachPage, listPages } from './list-pages.ts'
import { type ConnectOptions, loadConfig } from './load-config.ts'
import { podForward } from './pod-forward.ts'
import { podLogPath, podRequest } from './pod-requests.ts'
import { resourcePaths } from './resource-paths.ts'
import { createTransport, type Transport } from './transport.ts'
import type { ClusterClient, PatchType, WriteOptions } from './types.ts'
import { watchObjects } from './watch-objects.ts'

const FIELD_MANAGER = 'meshbench'

const CONTENT_TYPES: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}

/** Reads the kubeconfig; nothing is asked of the cluster until the first call. */
export async function connectCluster(options: ConnectOptions = {}): Promise<ClusterClient> {
  const { requestTimeoutMs } = options
  const transport = createTransport(await loadConfig(options), {
    reload: () => loadConfig(options),
    ...(requestTimeoutMs !== undefined && { silenceTimeoutMs: requestTimeoutMs }),
  })
  return clientOver(transport, () => loadConfig(options))
}

/** `currentConfig` gives the kubeconfig as it is now, for what goes another way than the transport. */
export function clientOver(
  transport: Transport,
  currentConfig: () => ReturnType<typeof loadConfig>,
): ClusterClient {
  const paths = resourcePaths(transport)
  const pathOf = (ref: ObjectRef) => paths.pathOf(ref, ref.namespace, ref.name)

  async function send<T>(method: string, path: string, body?: unknown, type = 'application/json') {
    const text = await transport.text({
      method,
      path,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': type },
      }),
    })
    return JSON.parse(text) as T
  }

  return {
    server: transport.server,

    version: async () => {
      const { gitVersion } = await send<{ gitVersion: string }>('GET', '/version')
      return { gitVersion, embedded: gitVersion.endsWith('+meshbench') }
    },

    create: async <T extends KubeObject>(object: T, write: WriteOptions = {}) => {
      const path = await paths.pathOf(object, object.metadata.namespace)
      return send<T>('POST', `${path}?${writeQuery(write)}`, object)
    },

    get: async <T extends KubeObject>(ref: ObjectRef) => {
      try {
        return await send<T>('GET', await pathOf(ref))
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw error
      }
    },

    list: async (kind, selection = {}) =>
      (await listPages<never>(transport, paths, kind, selection)).items,

    listEach: async (kind, selection, project, signal) =>
      (await eachPage(transport, paths, kind, selection, project, signal)).items,

    patch: async <T extends KubeObject>(
      ref: ObjectRef,
      type: PatchType,
      body: unknown,
      write: WriteOptions = {},
    ) => {
      const query = writeQuery(write)
      if (type === 'apply' && write.force) query.set('force', 'true')
      // Applied objects say what they are; the caller has said so in `ref` already.
      const { apiVersion, kind } = ref
      const document = type === 'apply' && isObject(body) ? { apiVersion, kind, ...body } : body
      return send<T>('PATCH', `${await pathOf(ref)}?${query}`, document, CONTENT_TYPES[type])
    },

    delete: async (ref, deletion = {}) => {
      const { uid, resourceVersion } = deletion
      const { dryRun, gracePeriodSeconds, propagationPolicy = 'Background' } = deletion
      const body = {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy,
        ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
        ...((uid ?? resourceVersion) !== undefined && { preconditions: { uid, resourceVersion } }),
        ...(dryRun && { dryRun: ['All'] }),
      }
      try {
        await send('DELETE', await pathOf(ref), body)
      } catch (error) {
        if (!isNotFound(error)) throw error
      }
    },

    watch: (kind, selection, onEvent, signal, watchOptions = {}) =>
      watchObjects({ transport, paths, kind, selection, onEvent, signal, ...watchOptions }),

    podRequest: (request) => podRequest(transport, request),

    // With what the kubeconfig says now: its token may have been replaced.
    podForward: async (request) => podForward(await currentConfig(), request),

    podLog: (ref) =>
      transport.text({ method: 'GET', path: podLogPath(ref), headers: { accept: '*/*' } }),
  }
}

function writeQuery({ dryRun, fieldManager = FIELD_MANAGER }: WriteOptions): URLSearchParams {
  return new URLSearchParams({ fieldManager, ...(dryRun && { dryRun: 'All' }) })
}
