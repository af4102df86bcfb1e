import type { Service, Workload } from '../../proxies/config/mesh-state.ts'

/** An HBONE pod of namespace `shop` whose service account has its own name. */
export function meshWorkload(name: string, overrides: Partial<Workload> = {}): Workload {
  return {
    uid: `Kubernetes//Pod/shop/${name}`,
    name,
    namespace: 'shop',
    serviceAccount: name,
    trustDomain: 'cluster.local',
    workloadIps: [],
    protocol: 'HBONE',
    services: {},
    ...overrides,
  }
}

/** `<name>.shop.svc.cluster.local`, port 80 -> 8080. */
export function meshService(name: string, vip: string, overrides: Partial<Service> = {}): Service {
  return {
    name,
    namespace: 'shop',
    hostname: `${name}.shop.svc.cluster.local`,
    vips: [`/${vip}`],
    ports: { 80: 8080 },
    ...overrides,
  }
}
