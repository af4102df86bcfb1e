import type { BreakEven } from './estimate.ts'

/** From where on ambient wins, and when it loses. */
export function breakEvenSentences({
  podsPerNodeForMemory,
  podsPerNodeForCpu,
  l7ShareForCpu,
}: BreakEven): string[] {
  const memory =
    podsPerNodeForMemory === null
      ? 'memory: nothing to compare'
      : `memory: ambient takes less from ${atLeast(podsPerNodeForMemory)} per node on`
  const cpu =
    podsPerNodeForCpu === null
      ? 'CPU: ambient takes more at any number of pods per node'
      : `CPU: ambient takes less from ${atLeast(podsPerNodeForCpu)} per node on`
  const l7 =
    l7ShareForCpu === null
      ? 'waypoints: none can be afforded, ambient takes no less CPU even without'
      : l7ShareForCpu >= 1
        ? 'waypoints: ambient takes less CPU even with all requests through one'
        : `waypoints: ambient takes more CPU when over ${Math.round(l7ShareForCpu * 100)} % of the requests go through one`
  return [memory, cpu, l7]
}

/** Whole pods; a tie saves nothing. */
function atLeast(pods: number): string {
  const least = Math.max(1, Math.floor(pods) + 1)
  return least === 1 ? 'the first pod' : `${least} pods`
}
