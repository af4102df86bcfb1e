/**
 * What a container image means on one machine: a program that is started as a child of the node agent.
 * The pod's `command` is ignored, `args` are appended, `env` is passed on.
 */
export interface ImageDefinition {
  /** Absolute path of the compiled entry file. */
  readonly entry: string
  /** How the node agent talks to it: workloads/sockets.ts or proxies/config/process.ts. */
  readonly protocol: 'app' | 'proxy'
  /** Name shown by `ps`, at most 15 characters (the kernel cuts it there). */
  readonly title: string
  readonly nodeArgs?: readonly string[]
}

export type ImageCatalogue = Readonly<Record<string, ImageDefinition>>

/** Calls services and tells of it: what `migrate` proves its work with (workloads/canary). */
export const canaryImage = 'meshbench/canary'
