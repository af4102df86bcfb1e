/** The helper thread of wake-up.ts. */
import { parentPort, workerData } from 'node:worker_threads'
import { type ArrivalPattern, arrivalTimes } from './arrivals.ts'
import { nowUs } from './clock.ts'

export interface WakeThreadData {
  readonly pattern: ArrivalPattern
  /** See the cells of wake-up.ts. */
  readonly cells: Int32Array<SharedArrayBuffer>
  readonly leadUs: number
}

/** Index into `cells`. */
export const cell = {
  /** 1 while a message is under way. */
  pending: 0,
  /** Set to 1 and notified to end the thread. */
  stopped: 1,
} as const

export interface WakeThreadStart {
  readonly startUs: number
  readonly endUs: number
}

function run(
  { pattern, cells, leadUs }: WakeThreadData,
  { startUs, endUs }: WakeThreadStart,
): void {
  const next = arrivalTimes(pattern)
  for (;;) {
    const dueUs = startUs + next()
    if (dueUs >= endUs) return
    for (let waitUs = dueUs - leadUs - nowUs(); waitUs > 0; waitUs = dueUs - leadUs - nowUs()) {
      if (Atomics.wait(cells, cell.stopped, 0, waitUs / 1e3) !== 'timed-out') return
    }
    // With a message under way the main thread has yet to read the clock and will see this one too.
    if (Atomics.exchange(cells, cell.pending, 1) === 0) parentPort?.postMessage(null)
  }
}

parentPort?.once('message', (start: WakeThreadStart) => {
  run(workerData as WakeThreadData, start)
  parentPort?.close()
})
