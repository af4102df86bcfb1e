import { nowUs } from './clock.ts'

let beganUs = 0

/**
 * When the event loop began to serve what is ready, by the first who asks in this turn. It learns of
 * all ready sockets at once and serves them one after another: read at the last of forty, the clock
 * would charge the server with the time that the thirty-nine before it took here.
 */
export function turnBeganUs(): number {
  if (beganUs === 0) {
    beganUs = nowUs()
    // The check phase follows the last read of a turn.
    setImmediate(() => {
      beganUs = 0
    })
  }
  return beganUs
}
