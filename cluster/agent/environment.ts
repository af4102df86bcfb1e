import type { Container, EnvVar, Pod, Service } from '../kinds.ts'
import type { AddressPlan, PodAddress } from './address-plan.ts'

export interface EnvironmentFacts {
  readonly pod: Pod
  readonly address: PodAddress
  readonly socket: AddressPlan['socket']
  /** Services this pod can call, and where it reaches each of their ports. */
  readonly services: readonly {
    readonly service: Service
    /** As DNS has it: `cart`, of another namespace `cart.shop`. */
    readonly name: string
    readonly reach: (port: number) => { readonly host: string; readonly port: number }
  }[]
}

/**
 * A container's whole environment: what Kubernetes adds for services
 * (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables), where a
 * local process listens, then the manifest, which wins.
 */
export function environmentOf(
  container: Container,
  facts: EnvironmentFacts,
): Record<string, string> {
  const environment: Record<string, string> = {}
  for (const { service, name, reach } of facts.services) {
    Object.assign(environment, serviceVariables(service, name, reach))
  }
  environment.HOSTNAME = facts.pod.metadata.name
  const listen = (port: number) => facts.socket(facts.address.appHost, port)
  const port = container.ports?.[0]?.containerPort
  environment.HOST = port === undefined ? facts.address.appHost : listen(port).host
  environment.SOCKETS_FROM_PARENT = '1'
  if (port !== undefined) environment.PORT = String(listen(port).port)
  for (const variable of container.env ?? []) {
    environment[variable.name] = expand(resolveVariable(variable, facts), environment)
  }
  // What the manifest calls its port is the container's; the process gets the real one.
  const own = container.env?.some(({ name }) => name === 'PORT') ? Number(environment.PORT) : 0
  if (own > 0) environment.PORT = String(listen(own).port)
  return environment
}

function serviceVariables(
  service: Service,
  name: string,
  reach: EnvironmentFacts['services'][number]['reach'],
): Record<string, string> {
  const prefix = variableName(name)
  const ports = service.spec.ports ?? []
  const first = ports[0]
  if (!first) return {}
  const { host, port } = reach(first.port)
  const variables: Record<string, string> = {
    [`${prefix}_SERVICE_HOST`]: host,
    [`${prefix}_SERVICE_PORT`]: String(port),
  }
  for (const { name: portName, port: number } of ports) {
    if (portName)
      variables[`${prefix}_SERVICE_PORT_${variableName(portName)}`] = String(reach(number).port)
  }
  return variables
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
}

function resolveVariable({ value, valueFrom }: EnvVar, { pod, address }: EnvironmentFacts): string {
  const path = valueFrom?.fieldRef?.fieldPath
  if (path === undefined) return value ?? ''
  const { metadata, spec } = pod
  const [, map, key = ''] = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path) ?? []
  if (map === 'labels' || map === 'annotations') return metadata[map]?.[key] ?? ''
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'spec.nodeName': spec.nodeName,
    'spec.serviceAccountName': spec.serviceAccountName,
    'status.podIP': address.podIp,
    'status.hostIP': '127.0.0.1',
  }
  return fields[path] ?? ''
}

/** `$(NAME)` stands for a variable defined before, `$$` for a dollar sign. */
function expand(text: string, environment: Readonly<Record<string, string>>): string {
  return text.replaceAll(
    /\$\$|\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g,
    (whole, name: string | undefined) => (name === undefined ? '$' : (environment[name] ?? whole)),
  )
}
