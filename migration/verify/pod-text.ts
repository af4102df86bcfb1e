import type { ClusterClient, PodRequest } from '../../cluster/client/types.ts'
import { ClusterError } from '../../cluster/errors.ts'

/** The client itself waits a quarter of an hour, for load generators: a proxy answers at once or not. */
const patienceMs = 10_000

/**
 * What a pod answers through the API server, whole: one that hangs, or breaks off in the middle, must
 * not hold up a migration, nor end it.
 * @throws ClusterError whatever went wrong, but for the signal's own reason
 */
export async function podText(
  client: Pick<ClusterClient, 'podRequest'>,
  request: Omit<PodRequest, 'signal'>,
  signal?: AbortSignal,
  withinMs = patienceMs,
): Promise<{ readonly ok: boolean; readonly text: string }> {
  // One controller for both ends: Node 20 may lose a signal made by AbortSignal.any.
  const done = new AbortController()
  const end = (): void => done.abort()
  const timer = setTimeout(end, withinMs)
  signal?.addEventListener('abort', end)
  try {
    const answer = await client.podRequest({ ...request, signal: done.signal })
    return { ok: answer.ok, text: await answer.text() }
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof ClusterError) throw error
    const { namespace, pod, port } = request
    const why = done.signal.aborted
      ? `not within ${withinMs / 1000} s`
      : error instanceof Error
        ? error.message
        : String(error)
    throw new ClusterError(`Port ${port} of pod ${namespace}/${pod} did not answer: ${why}`, {
      code: 'CLUSTER_UNREACHABLE',
      hint: `Look at the pod: kubectl -n ${namespace} get pod ${pod}`,
      cause: error,
    })
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', end)
  }
}
