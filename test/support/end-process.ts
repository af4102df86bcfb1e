import { after } from 'node:test'

/**
 * Ends the process of a test file that destroys TLS connections while they write: now and then node 20,
 * its event loop empty, then waits in its own clean-up for a write that nobody will ever finish.
 * `process.exit` goes around that clean-up. A timer, so that what was found is reported first.
 */
export function endProcessAfterTests(): void {
  after(() => {
    setTimeout(() => process.exit(), 200)
  })
}
