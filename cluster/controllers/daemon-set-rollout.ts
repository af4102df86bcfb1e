import type { Pod } from '../kinds.ts'
import { isActive } from './pods.ts'

export interface DaemonGeneration {
  /** Names of the nodes that shall have a pod. */
  readonly nodes: readonly string[]
  readonly pods: readonly Pod[]
  isCurrent(pod: Pod): boolean
  isAvailable(pod: Pod): boolean
}

export interface RolloutStep {
  /** Nodes that get a pod of the current template. */
  readonly create: readonly string[]
  readonly remove: readonly Pod[]
}

/**
 * `maxUnavailable: 1`: an old pod goes only while every other node has a ready one, and comes back as a
 * new one. A node whose pod has just been made has none yet.
 */
export function replaceInPlace({
  nodes,
  pods,
  isCurrent,
  isAvailable,
}: DaemonGeneration): RolloutStep {
  const outdated = pods.filter((pod) => isActive(pod) && !isCurrent(pod))
  const victim = outdated.find((pod) => !isAvailable(pod)) ?? outdated[0]
  const serves = (node: string): boolean =>
    pods.some((pod) => pod.spec.nodeName === node && isActive(pod) && isAvailable(pod))
  const othersReady = nodes.every((node) => node === victim?.spec.nodeName || serves(node))
  return { create: [], remove: victim && othersReady ? [victim] : [] }
}

/**
 * `maxSurge`: the new pod of a node is ready before the old one is told to go. What serves nobody
 * goes at once. At most `maxSurge` nodes have both.
 */
export function replaceBySurge(
  { nodes, pods, isCurrent, isAvailable }: DaemonGeneration,
  maxSurge: number,
): RolloutStep {
  const byNode = nodes.map((node) => {
    const here = pods.filter((pod) => pod.spec.nodeName === node && isActive(pod))
    return { node, current: here.filter(isCurrent), old: here.filter((pod) => !isCurrent(pod)) }
  })
  const surging = byNode.filter(({ current, old }) => current.length > 0 && old.length > 0).length
  const remove = byNode.flatMap(({ current, old }) =>
    current.some(isAvailable) ? old : old.filter((pod) => !isAvailable(pod)),
  )
  const waiting = byNode.filter(
    ({ current, old }) => current.length === 0 && old.some((pod) => !remove.includes(pod)),
  )
  const room = Math.max(maxSurge - surging, 0)
  return { create: waiting.slice(0, room).map(({ node }) => node), remove }
}
