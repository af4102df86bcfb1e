import type { KubeObject } from '../objects.ts'
import { members, valueAt } from './json.ts'

type Service = Readonly<KubeObject>

/** `80/TCP`, with the port of the nodes `80:30080/TCP`. */
export function servicePorts(service: Service): string {
  const ports = members(valueAt(service, 'spec.ports')).map(
    ({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol}`,
  )
  return ports.join(',') || '<none>'
}

/** Where a service is reached from outside. */
export function serviceAddresses(service: Service): string {
  const type = valueAt(service, 'spec.type')
  if (type === 'ExternalName') return String(valueAt(service, 'spec.externalName') ?? '')
  const own = valueAt(service, 'spec.externalIPs')
  const given =
    type === 'LoadBalancer'
      ? members(valueAt(service, 'status.loadBalancer.ingress')).map(
          ({ ip, hostname }) => ip ?? hostname,
        )
      : []
  const all = [...given, ...(Array.isArray(own) ? own : [])].map(String)
  return all.join(',') || (type === 'LoadBalancer' ? '<pending>' : '<none>')
}
