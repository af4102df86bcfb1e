import type { Addresses } from '../agent/addresses.ts'
import type { ImageCatalogue } from '../images.ts'
import type { ProcessReader } from './usage.ts'

export interface EmbeddedClusterOptions {
  /** Holds kubeconfig (mode 0600) and `logs/`; made when missing. */
  readonly directory: string
  /** Added to the built-in images (service, sidecar, ztunnel, waypoint). */
  readonly images?: ImageCatalogue
  /** Reads what processes have used, for `kubectl top`. @default /proc where there is one */
  readonly readProcesses?: ProcessReader
  /**
   * Whether every pod has an address of its own in 127.0.0.0/8, or a port of 127.0.0.1.
   * @default own where the system has all of 127.0.0.0/8 and nobody listens on a needed port of all
   */
  readonly addresses?: Addresses
  /** Container ports that pods are going to have, to see early whether they are free. @default 8080 */
  readonly ports?: readonly number[]
  /**
   * A pod that runs with a sidecar keeps it until it is recreated, as on a real cluster, instead of
   * being taken over live when its namespace is enrolled in ambient.
   * @default false
   */
  readonly istioSemantics?: boolean
  /** Changes remembered per kind for watches that resume; they hold on to their objects. @default 2,000 */
  readonly historyLength?: number
  readonly signal?: AbortSignal
  /** One line for people about something noteworthy: a container crashed, a proxy was restarted. */
  readonly onNotice?: (notice: string) => void
}

export interface EmbeddedCluster {
  readonly kubeconfigPath: string
  /** Stops every child and listener; resolves when none is left. Safe to call twice. */
  stop(): Promise<void>
}
