import { setTimeout as sleep } from 'node:timers/promises'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { ClusterError } from '../../cluster/errors.ts'

/** How long troubles of the API server are put up with. */
export interface Patience {
  readonly deadlineMs: number
  readonly firstMs: number
  readonly mostMs: number
}

/** Longer than an API server takes to restart or to elect a new leader of its store. */
export const usualPatience: Patience = { deadlineMs: 90_000, firstMs: 250, mostMs: 5_000 }

/** Another attempt may succeed: no answer, too many requests, or trouble inside the server. */
export function isPassing(error: unknown): error is ClusterError {
  if (!(error instanceof ClusterError)) return false
  const { status } = error
  if (status === undefined) return error.code === 'CLUSTER_UNREACHABLE'
  return status === 429 || status >= 500
}

/** The answer was lost, or speaks of a failure after the server may have written. */
export function isUncertain(error: unknown): boolean {
  return isPassing(error) && error.status !== 429
}

export interface Attempts {
  /** Waits before the next one; throws `error` when there is no time for one. */
  again(error: ClusterError): Promise<void>
}

export function attempts(
  patience: Patience,
  signal?: AbortSignal,
  onRetry: (text: string) => void = () => undefined,
): Attempts {
  const startedAtMs = performance.now()
  let pauseMs = patience.firstMs
  return {
    again: async (error) => {
      const asked = (error.details?.retryAfterSeconds ?? 0) * 1000
      const waitMs = Math.max(asked, pauseMs * (0.75 + Math.random() / 2))
      pauseMs = Math.min(pauseMs * 2, patience.mostMs)
      if (performance.now() - startedAtMs + waitMs > patience.deadlineMs) throw error
      onRetry(`${error.message}; again in ${(waitMs / 1000).toFixed(1)} s`)
      try {
        await sleep(waitMs, undefined, signal && { signal })
      } catch {
        throw signal?.reason ?? error
      }
    },
  }
}

export async function patiently<T>(
  action: () => Promise<T>,
  patience: Patience,
  signal?: AbortSignal,
  onRetry?: (text: string) => void,
): Promise<T> {
  const tries = attempts(patience, signal, onRetry)
  for (;;) {
    try {
      return await action()
    } catch (error) {
      if (!isPassing(error)) throw error
      await tries.again(error)
    }
  }
}

/** The client with all that changes nothing repeated for a while. Writes are carry-out.ts's business. */
export function patientReads(
  client: ClusterClient,
  patience: Patience,
  signal?: AbortSignal,
  onRetry?: (text: string) => void,
): ClusterClient {
  const repeat = <T>(action: () => Promise<T>): Promise<T> =>
    patiently(action, patience, signal, onRetry)
  return {
    ...client,
    version: () => repeat(() => client.version()),
    get: (ref) => repeat(() => client.get(ref)),
    list: (kind, selection) => repeat(() => client.list(kind, selection)),
    listEach: (kind, selection, project, ends) =>
      repeat(() => client.listEach(kind, selection, project, ends)),
    create: (object, write) =>
      write?.dryRun || isReview(object)
        ? repeat(() => client.create(object, write))
        : client.create(object, write),
    patch: (ref, type, body, write) =>
      write?.dryRun
        ? repeat(() => client.patch(ref, type, body, write))
        : client.patch(ref, type, body, write),
    delete: (ref, deletion) =>
      deletion?.dryRun ? repeat(() => client.delete(ref, deletion)) : client.delete(ref, deletion),
  }
}

/** A question in the form of an object: nothing is kept of it. */
function isReview({ apiVersion }: { readonly apiVersion: string }): boolean {
  return apiVersion.startsWith('authorization.k8s.io/')
}
