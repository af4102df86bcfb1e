import { seededRandom } from '../schedule/random.ts'
import type { LoadPlan } from './protocol.ts'

export type ArrivalPattern = Pick<LoadPlan, 'ratePerSecond' | 'arrivals' | 'seed'>

/**
 * The intended start of one request after the other, in microseconds from the beginning of the load,
 * never decreasing. The same pattern gives the same numbers in every process and thread.
 */
export function arrivalTimes({ ratePerSecond, arrivals, seed }: ArrivalPattern): () => number {
  const random = seededRandom(seed)
  const slotUs = 1e6 / ratePerSecond
  let slot = 0
  let atUs = 0
  if (arrivals === 'uniform') return () => slot++ * slotUs
  if (arrivals === 'jittered') return () => (slot++ + random()) * slotUs
  return () => {
    // Gaps of a Poisson process are exponential; 1 - random() is never 0.
    atUs -= Math.log(1 - random()) * slotUs
    return atUs
  }
}
