/** Every exit code there is. Scripts depend on them: never give one a second meaning. */
export const exitCodes = {
  ok: 0,
  /** A gate or a verification says no. */
  refused: 1,
  usage: 2,
  /** The measurement is invalid or inconclusive: neither a pass nor a fail. */
  untrustworthy: 3,
  baselineMissing: 4,
  /** The machine or the cluster is not ready. */
  environment: 5,
  migrationBlocked: 6,
  migrationFailed: 7,
  /** A defect of meshbench. */
  internal: 70,
  /** 128 + SIGINT, as shells have it; SIGTERM ends the same way. */
  interrupted: 130,
} as const
