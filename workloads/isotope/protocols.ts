import type { Problems } from '../files/problems.ts'
import type { Command, Script } from '../script.ts'
import type { Topology, TopologyService } from '../topologies/topology.ts'

/** With every call made in the protocol of the service it goes to. */
export function callInProtocol(services: readonly TopologyService[]): TopologyService[] {
  const grpc = new Set(services.flatMap(({ name, protocol }) => (protocol === 'grpc' ? name : [])))
  const inProtocol = (command: Command): Command =>
    'call' in command && grpc.has(command.call.service)
      ? { call: { ...command.call, protocol: 'grpc' } }
      : command
  const translate = (script: Script): Script =>
    script.map((step) => (Array.isArray(step) ? step.map(inProtocol) : inProtocol(step as Command)))
  return services.map((service) => ({ ...service, script: translate(service.script) }))
}

const longestName = 63

/**
 * Load generators here speak HTTP/1.1: before an entry of gRPC stands an HTTP service that passes each
 * request on as one call. It is part of what is measured, so it is told. Faults go to `problems`.
 */
export function enterByHttp(topology: Topology, place: unknown, problems: Problems): Topology {
  const { entry, services } = topology
  const called = services.find(({ name }) => name === entry)
  if (called?.protocol !== 'grpc') return topology
  const front = `${entry}-http`
  if (front.length > longestName || services.some(({ name }) => name === front)) {
    problems.fault(
      place,
      `load speaks HTTP/1.1 and ${entry} gRPC, and no service can be put between them as "${front}"`,
    )
    return topology
  }
  problems.warn(
    place,
    `load speaks HTTP/1.1 and ${entry} gRPC: it enters at ${front}, a service added to pass it on`,
  )
  const added: TopologyService = {
    name: front,
    replicas: 1,
    port: called.port,
    script: [{ call: { service: entry, protocol: 'grpc' } }],
    responseBytes: called.responseBytes,
  }
  return { ...topology, entry: front, services: [added, ...services] }
}
