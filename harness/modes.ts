/** `waypoint` is ambient with the workload's entry services bound to a waypoint. Order of display. */
export const modes = ['baseline', 'sidecar', 'ambient', 'waypoint'] as const

export type Mode = (typeof modes)[number]

/** Who burns CPU and memory. `controlPlane` is the meshbench process itself (API server, mesh CA, sampler). */
export const roles = ['app', 'sidecar', 'ztunnel', 'waypoint', 'generator', 'controlPlane'] as const

export type Role = (typeof roles)[number]
