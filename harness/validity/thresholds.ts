/** Limits of trust, each with its reason. A figure beyond an error limit is not to be used at all. */

/** Above this a single-threaded generator queues its own requests (R4 of the method: < 80 % of a core). */
export const generatorCoresError = 0.8

/**
 * A request sent late counts from its intended start, so lag is inside every latency figure. 2 ms at
 * p99 is what a healthy generator stays under on a quiet machine; a median of 5 ms means that it was
 * late for most requests, and then latency shows the generator instead of the mesh.
 */
export const lagP99UsWarning = 2_000
export const lagP50UsError = 5_000

/** Offered and answered rate further apart than this: the load was not the one asked for (R4). */
export const rateDeviationError = 0.01
/** Below this many requests of difference a short window rounds, it does not deviate. */
export const rateDeviationRequests = 3

/**
 * Late answers still count as achieved, so a mode that falls behind shows by its backlog: a tenth of
 * the window's requests unanswered at its end is no hiccup any more, latency then measures how long
 * the window was.
 */
export const backlogShareError = 0.1
/** Less than this much load waiting is one stall of a busy machine, however short the window. */
export const backlogMsError = 250

/**
 * A failed request has no latency, so failures make a mode look faster. One is worth a note; above 1 %
 * the rest is a selection and no longer comparable.
 */
export const failureShareError = 0.01

/** Reconnects cost a handshake each, which then stands in the cost per request. */
export const churnShareWarning = 0.001

/**
 * CPU burnt by others, as a share of the machine. Interleaved rounds average a busy neighbour out, so
 * it is no reason to throw a run away on a CI machine; where it really disturbs, lag and rate tell.
 */
export const foreignCpuShareWarning = 0.1

/** Nothing left to run on: every latency contains waiting for a CPU. */
export const hostBusyShareWarning = 0.95

/**
 * Held back by the quota of its container, a process waits for the next period of 100 ms: its CPU time
 * is what the quota allows and its latency shows the waiting. 1 % of a window is one such wait in 10 s.
 */
export const throttledShareError = 0.01

/** Time the hypervisor gave to someone else. */
export const stealShareWarning = 0.05

/** p50 needs 20 samples and p99 needs 1,000 for ten of them to lie beyond it. */
export const samplesForP50 = 20
export const samplesForP99 = 1_000

/** The same request costs a tenth less CPU time at a tenth more speed. */
export const frequencyShareWarning = 0.1

/** NTP slews by at most 0.5 ms a second; further apart, somebody set the clock. */
export const clockJumpMsWarning = 50
export const clockSlewShare = 0.001

/**
 * A window is not to begin while the machine still works on something else. The processes of the waiting
 * modes and our own need 1 to 3 % of two cores.
 */
export const quietBusyShare = 0.1

/**
 * CPU in nobody's account against what the processes of the run used. Below the limit of a busy host
 * it may be the kernel's own work for the run (sockets in softirq), which then is missing in its cost.
 */
export const unattributedShareWarning = 0.5

/**
 * Roles and interrupts summing to more than the machine was busy means that the account is wrong, not
 * that someone else worked. Short windows round to ticks of 10 ms per CPU.
 */
export const overdrawnShareWarning = 0.1
