import type { Script } from '../script.ts'

/** A graph of services as data. Calls name services of the same topology and form no cycle. */
export interface Topology {
  readonly name: string
  /** One line for people choosing. */
  readonly description: string
  /** The service the load goes to. */
  readonly entry: string
  readonly services: readonly TopologyService[]
}

export interface TopologyService {
  readonly name: string
  readonly replicas: number
  readonly port: number
  /** What it is called by. @default 'http' */
  readonly protocol?: 'http' | 'grpc'
  readonly script: Script
  readonly responseBytes: number
  /** Chance of answering 500, or status 13 in gRPC, 0..1. @default 0 */
  readonly errorRate?: number
}
