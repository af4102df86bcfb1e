import { Worker } from 'node:worker_threads'
import type { ArrivalPattern } from './arrivals.ts'
import { nowUs } from './clock.ts'
import { turnBeganUs } from './turn.ts'
import { cell, type WakeThreadData, type WakeThreadStart } from './wake-thread.ts'

/**
 * Wakes the main thread for every arrival, to well below a millisecond and without spinning between
 * them. Timers cannot: Node's have a grid of 1 ms. A helper thread goes through the same arrivals (same
 * seed), sleeps in Atomics.wait, whose timeout is a futex's with nanoseconds, and sends an empty message.
 * It does so a little early, by what it takes on the way, and the main thread waits out the rest.
 *
 * Measured on 2 shared cores with Node 20, waking alone, lag p50 / p99 in µs and CPU of one core:
 *
 *                                         100/s               1,000/s             4,000/s
 *   setTimeout                     724 / 1,216  2.4 %    561 / 1,107  3.7 %   548 / 1,100  3.2 %
 *   thread, message                179 / 2,467  1.2 %     94 / 210    4.5 %    87 / 1,297 13.4 %
 *   thread, Atomics.waitAsync      210 / 414    1.6 %     88 / 170    3.6 %    86 / 134   12.6 %
 *   thread, message 90 µs early     91 / 495    1.2 %     19 / 140    5.2 %     0 / 52    16.3 %
 *
 * The whole generator with the last of these (npm run bench:load): at 1,000/s a lag of 15-25 µs and
 * 0.1-0.7 ms, 0.09 cores; at 100/s 0.17 ms and 0.36 ms, 0.04 cores; at 4,000/s 12 µs and 0.24 ms, 0.3.
 */
export interface WakeUp {
  start(start: WakeThreadStart): void
  stop(): void
}

/** Kernel timer slack (50 µs) and thread hop: what a wake-up without lead comes late by. */
const leadUs = 80

/** The longest the main thread spins for an arrival; at least the lead, see wake-thread.ts. */
const spinUs = 100

export interface WakeUpOptions {
  readonly pattern: ArrivalPattern
  readonly onWake: () => void
  readonly onError: (error: Error) => void
}

/** Resolves when the thread runs and waits for its start. */
export async function prepareWakeUp({ pattern, onWake, onError }: WakeUpOptions): Promise<WakeUp> {
  const cells = new Int32Array(new SharedArrayBuffer(8))
  const data: WakeThreadData = { pattern, cells, leadUs }
  const thread = new Worker(new URL('./wake-thread.js', import.meta.url), { workerData: data })
  await new Promise<void>((resolve, reject) => {
    thread.once('online', resolve)
    thread.once('error', reject)
  })
  thread.on('error', onError)
  thread.on('message', () => {
    // What is sent now, and the wait for the next arrival, is no part of answers that are there already.
    turnBeganUs()
    // Before the clock is read: an arrival the thread skips from now on is one that onWake sees.
    Atomics.store(cells, cell.pending, 0)
    onWake()
  })
  return {
    start: (start) => thread.postMessage(start),
    stop: () => {
      Atomics.store(cells, cell.stopped, 1)
      Atomics.notify(cells, cell.stopped)
      thread.terminate().catch(onError)
    },
  }
}

/** True once `dueUs` has come, spinning for it when it is that close. */
export function isDue(dueUs: number): boolean {
  for (let leftUs = dueUs - nowUs(); leftUs > 0; leftUs = dueUs - nowUs()) {
    if (leftUs > spinUs) return false
  }
  return true
}
