import type { StatusCause } from '../../errors.ts'
import type { KubeObject } from '../../objects.ts'
import { isObject, members, valueAt } from '../json.ts'
import { duplicate, invalid, required, unsupported } from './causes.ts'
import { portProblem } from './ports.ts'

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']
const PROTOCOLS = ['SCTP', 'TCP', 'UDP']

/** An address once given stays. */
export function clusterIpProblems(service: KubeObject, previous: KubeObject): StatusCause[] {
  const before = valueAt(previous, 'spec.clusterIP') ?? ''
  const now = valueAt(service, 'spec.clusterIP')
  if (before === '' || before === now) return []
  return [invalid('spec.clusterIPs[0]', [now], 'may not change once set')]
}

export function serviceProblems({ spec: given }: KubeObject): StatusCause[] {
  const spec = isObject(given) ? given : {}
  const causes: StatusCause[] = []
  const ports = members(spec.ports)
  const portless = spec.type === 'ExternalName' || spec.clusterIP === 'None'
  if (ports.length === 0 && !portless) causes.push(required('spec.ports'))
  if (spec.type !== undefined && !TYPES.some((known) => known === spec.type)) {
    causes.push(unsupported('spec.type', spec.type, TYPES))
  }
  const names = new Set<unknown>()
  for (const [index, { name, port, targetPort, protocol }] of ports.entries()) {
    const path = `spec.ports[${index}]`
    if (ports.length > 1 && !name) causes.push(required(`${path}.name`))
    if (name && names.has(name)) causes.push(duplicate(`${path}.name`, name))
    names.add(name)
    causes.push(...portProblem(`${path}.port`, port))
    // Out of range together with the port it was taken from, which is told already.
    if (typeof targetPort === 'number' && targetPort !== port) {
      causes.push(...portProblem(`${path}.targetPort`, targetPort))
    }
    if (protocol !== undefined && !PROTOCOLS.some((known) => known === protocol)) {
      causes.push(unsupported(`${path}.protocol`, protocol, PROTOCOLS))
    }
  }
  return causes
}
