import type { Outcomes } from './protocol.ts'

export type Outcome = keyof Outcomes

/** One arrival on its way. */
export interface LoadRequest {
  readonly intendedUs: number
  /** When the scheduler took it up. */
  readonly dueUs: number
  /** When it was written to a connection; 0 as long as it waits for one. */
  sentUs: number
  /** Where it goes, when there is more than one service. */
  target?: string
  /** How often it was sent again, since its connection had been closed. */
  retries?: number
  /** Its intended start lies in the window. */
  readonly measured: boolean
}
