import type { KubeObject } from '../../cluster/objects.ts'
import type { Call } from '../result/plan.ts'

/**
 * A line of `.meshbench/migrations/<plan id>/journal.jsonl`, written and flushed to disk before and
 * after every call, so that whoever reads it after a crash knows what may have happened:
 * a `call` without `called` was perhaps carried out and is looked up in the cluster.
 */
export type JournalEntry = { readonly at: string } & (
  | {
      readonly entry: 'started'
      readonly plan: string
      readonly hash: string
      readonly holder: string
    }
  /** Pods as they were before anything was done. */
  | { readonly entry: 'pods'; readonly pods: readonly PodIdentity[] }
  | { readonly entry: 'step'; readonly step: string }
  | {
      readonly entry: 'call'
      readonly step: string
      readonly index: number
      readonly call: Call
      /** The object just before; absent when there was none. */
      readonly before?: KubeObject
    }
  | {
      readonly entry: 'called'
      readonly step: string
      readonly index: number
      readonly uid?: string
      readonly resourceVersion?: string
    }
  | { readonly entry: 'verified'; readonly step: string; readonly evidence: readonly string[] }
  | { readonly entry: 'failed'; readonly step: string; readonly reason: string }
  | { readonly entry: 'undo'; readonly step: string; readonly index: number; readonly call?: Call }
  | {
      readonly entry: 'undone'
      readonly step: string
      readonly index: number
      readonly note?: string
    }
  | { readonly entry: 'paused'; readonly step: string }
  | { readonly entry: 'finished' }
  | { readonly entry: 'rolled-back' }
)

/** What proves that a pod was not restarted. */
export interface PodIdentity {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly startTime: string
  /** By container. */
  readonly restarts: Readonly<Record<string, number>>
  readonly startedAt: Readonly<Record<string, string>>
}
