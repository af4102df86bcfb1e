import type { Pod, Service } from '../../cluster/kinds.ts'
import {
  type HttpRoute,
  parentsOf,
  targetRefsOf,
  type VirtualService,
} from '../../cluster/mesh/istio-objects.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { itemsIn } from '../inventory/by-namespace.ts'
import type { Caller, Snapshot } from '../inventory/snapshot.ts'
import type { NamespaceIntent } from '../plan/intent.ts'
import { isHostOf } from '../plan/needs-l7.ts'
import type { Attachable } from '../plan/selection.ts'
import type { Check } from './check.ts'
import { finding, info, named } from './finding.ts'
import { ingressRoutes } from './ingress-routes.ts'
import { links } from './links.ts'
import { kubectlLabel } from './patches.ts'
import { hasSidecar, isManagedGateway, labelsOfNamespace } from './targets.ts'

function servicesIn(snapshot: Snapshot, namespace: string): readonly Service[] {
  return itemsIn<Service>(snapshot, 'service', namespace).filter((one) => !isManagedGateway(one))
}

const headless: Check = {
  id: 'MB080',
  title: 'Headless services and waypoints',
  link: links.issue(56991),
  evaluate: ({ snapshot, intent }) =>
    withWaypoint(intent.namespaces).flatMap(({ namespace }) =>
      servicesIn(snapshot, namespace)
        .filter(({ spec }) => spec.clusterIP === 'None')
        .map((service) => {
          const { name } = service.metadata
          const asked = l7Objects(snapshot, service)
          return finding(asked.length > 0 ? 'blocker' : 'warning', {
            resource: `Service ${namespace}/${name}`,
            namespace,
            reason: `It is headless: without an address of its own it is reached past every service waypoint${asked.length > 0 ? `, and so past ${named(asked)}` : ''}`,
            remedy:
              'Give it a ClusterIP, or its pods a waypoint for workloads (istio.io/waypoint-for=workload)',
          })
        }),
    ),
}

function withWaypoint(namespaces: readonly NamespaceIntent[]): readonly NamespaceIntent[] {
  return namespaces.filter(({ waypoint }) => waypoint !== undefined)
}

/** What names the service itself and needs L7. */
function l7Objects(snapshot: Snapshot, { metadata }: Service): readonly string[] {
  const { name, namespace = '' } = metadata
  const title = (object: KubeObject): string =>
    `${object.kind} ${object.metadata.namespace}/${object.metadata.name}`
  const policies = (['authorizationPolicy', 'requestAuthentication'] as const)
    .flatMap((kind) => snapshot.items<Attachable>(kind))
    .filter((one) => one.metadata.namespace === namespace)
    .filter(({ spec }) =>
      targetRefsOf(spec).some((ref) => ref.kind === 'Service' && ref.name === name),
    )
  const routes = snapshot
    .items<HttpRoute>('httpRoute')
    .filter((route) =>
      parentsOf(route).some(
        (parent) =>
          parent.kind === 'Service' &&
          parent.name === name &&
          (parent.namespace ?? route.metadata.namespace) === namespace,
      ),
    )
  const virtual = snapshot
    .items<VirtualService>('virtualService')
    .filter((one) =>
      (one.spec?.hosts ?? []).some(
        (host) => isHostOf(host, one, namespace) && host.split('.')[0] === name,
      ),
    )
  return [...policies, ...routes, ...virtual].map(title)
}

const KNOWN_PREFIX = /^(http2?|https|grpc(-web)?|tcp|tls|udp|mongo|mysql|redis|auto)(-|$)/
const KNOWN_PROTOCOL =
  /^(http2?|https|grpc(-web)?|tcp|tls|udp|mongo|mysql|redis|kubernetes\.io\/(h2c|wss?))$/i

const portNames: Check = {
  id: 'MB081',
  title: 'Ports that say their protocol, where a waypoint is planned',
  link: links.analysis('IST0118'),
  evaluate: ({ snapshot, intent }) =>
    withWaypoint(intent.namespaces).flatMap(({ namespace }) =>
      servicesIn(snapshot, namespace).flatMap(({ metadata, spec }) => {
        const silent = (spec.ports ?? []).filter(
          ({ name = '', appProtocol = '', protocol = 'TCP' }) =>
            protocol === 'TCP' && !KNOWN_PREFIX.test(name) && !KNOWN_PROTOCOL.test(appProtocol),
        )
        if (silent.length === 0) return []
        return [
          info({
            resource: `Service ${namespace}/${metadata.name}`,
            namespace,
            reason: `Port ${named(silent.map(({ port }) => String(port)))} does not say its protocol: the waypoint has to guess it from the first bytes`,
            remedy: 'Set appProtocol, or begin the port’s name with it: http-web',
          }),
        ]
      }),
    ),
}

const ingress: Check = {
  id: 'MB082',
  title: 'Ingress goes through the waypoint',
  link: links.waypoint,
  evaluate: ({ snapshot, intent }) =>
    withWaypoint(intent.namespaces).flatMap(({ namespace, needsL7, ingressUsesWaypoint }) => {
      const label = 'istio.io/ingress-use-waypoint'
      if (labelsOfNamespace(snapshot, namespace)[label] === 'true') return []
      const guards = needsL7.filter((one) => /^(Authorization|RequestAuth)/.test(one))
      const past = guards.length > 0 ? ` and so past ${named(guards)}` : ''
      const reached = ingressRoutes(snapshot, namespace)
      return servicesIn(snapshot, namespace)
        .filter(({ metadata }) => metadata.labels?.[label] !== 'true')
        .flatMap(({ metadata }) => {
          const { name } = metadata
          const routes = reached.get(name)
          if (routes === undefined) return []
          const resource = `Service ${namespace}/${name}`
          if (ingressUsesWaypoint) {
            const reason = `${named(routes)} brings requests in from outside; step S9 sends them through the waypoint`
            return [info({ resource, namespace, reason, remedy: 'None needed' })]
          }
          return [
            finding(guards.length > 0 ? 'blocker' : 'warning', {
              resource,
              namespace,
              reason: `${named(routes)} brings requests in from outside, past the waypoint${past}`,
              remedy: kubectlLabel({ kind: 'Service', name, namespace }, `${label}=true`),
            }),
          ]
        })
    }),
}

const bypass: Check = {
  id: 'MB083',
  title: 'Callers that go past the waypoint',
  link: links.issue(51445),
  evaluate: ({ snapshot, intent }) =>
    withWaypoint(intent.namespaces).flatMap(({ namespace, needsL7 }) => {
      const { namespaces, restartWorkloads } = intent.options
      const converts = ({ namespace: home = '' }: { readonly namespace?: string }): boolean =>
        namespaces.includes(home) && (restartWorkloads || intent.liveTakeover)
      if (!anySidecars(snapshot, converts)) return []
      const sidecars = snapshot.probes
        .callers(namespace)
        .filter((caller) => caller.via === 'sidecar' && !converts(caller))
      const basis = snapshot.probes.callersBasis(namespace)
      const byCaller = new Map<string, Caller[]>()
      for (const caller of sidecars) {
        const key = `${caller.namespace}/${caller.workload}`
        byCaller.set(key, [...(byCaller.get(key) ?? []), caller])
      }
      return [...byCaller].map(([caller, calls]) => {
        const services = [...new Set(calls.map(({ destinationService }) => destinationService))]
        return finding(needsL7.length > 0 ? 'blocker' : 'warning', {
          resource: `Workload ${caller}`,
          namespace,
          reason: `It calls ${named(services)} with a sidecar, and sidecars skip waypoints${needsL7.length > 0 ? `: ${named(needsL7)} would not apply to it` : ''} (${basis})`,
          remedy: 'Migrate the callers first, or accept that they go past it: --accept MB083',
        })
      })
    }),
}

/** Without any, nobody needs to know who calls whom. */
function anySidecars(
  snapshot: Snapshot,
  converts: (pod: { readonly namespace?: string }) => boolean,
): boolean {
  return snapshot.items<Pod>('pod').some((pod) => hasSidecar(pod) && !converts(pod.metadata))
}

export const serviceChecks: readonly Check[] = [headless, portNames, ingress, bypass]
