import type { KubeObject } from '../objects.ts'
import { isObject, members, part } from './json.ts'

const CLIENT_IP_SECONDS = 10_800

export function serviceDefaults(service: KubeObject, previous: KubeObject | undefined): void {
  if (previous === undefined) service.status = { loadBalancer: {} }
  const spec = part(service, 'spec')
  spec.type ??= 'ClusterIP'
  spec.sessionAffinity ??= 'None'
  if (spec.sessionAffinity === 'ClientIP') {
    const clientIp = part(part(spec, 'sessionAffinityConfig'), 'clientIP')
    clientIp.timeoutSeconds ??= CLIENT_IP_SECONDS
  } else delete spec.sessionAffinityConfig
  for (const port of members(spec.ports)) {
    port.protocol ??= 'TCP'
    port.targetPort ??= port.port
  }
  if (spec.type === 'ExternalName') return
  spec.internalTrafficPolicy ??= 'Cluster'
  spec.ipFamilies ??= ['IPv4']
  spec.ipFamilyPolicy ??= 'SingleStack'
  if (spec.type !== 'ClusterIP') spec.externalTrafficPolicy ??= 'Cluster'
  // An address once given stays, also when a client writes the service back without it.
  const given = isObject(previous?.spec) ? previous.spec : {}
  if (given.clusterIP !== undefined && (spec.clusterIP ?? '') === '') {
    spec.clusterIP = given.clusterIP
    spec.clusterIPs ??= given.clusterIPs
  }
}
