import { matchesLabelSelector } from '../../cluster/api/label-selector.ts'
import type { Deployment, DisruptionBudget, Service, ServicePort } from '../../cluster/kinds.ts'
import { itemsIn } from '../inventory/by-namespace.ts'
import type { Check, CheckFinding } from './check.ts'
import { named, warning } from './finding.ts'
import { links } from './links.ts'
import { isManagedGateway, type Workload, workloadsIn } from './targets.ts'

const restarts: Check = {
  id: 'MB037',
  title: 'Restarts that interrupt',
  link: links.disruptions,
  evaluate: ({ snapshot, intent }) => {
    // Nothing is restarted, or nothing needs to be.
    if (!intent.options.restartWorkloads || intent.liveTakeover) return []
    return intent.options.namespaces.flatMap((namespace) => {
      const budgets = itemsIn<DisruptionBudget>(snapshot, 'disruptionBudget', namespace)
      return workloadsIn(snapshot, namespace)
        .filter(({ kind }) => kind === 'Deployment' || kind === 'StatefulSet')
        .flatMap((workload) => interruptions(workload, budgets, namespace))
    })
  },
}

function interruptions(
  { resource, kind, object, labels }: Workload,
  budgets: readonly DisruptionBudget[],
  namespace: string,
): readonly CheckFinding[] {
  const { replicas = 1, strategy } = (object as Deployment).spec
  const remedy = 'Scale it up meanwhile, or restart it in a quiet hour'
  const say = (reason: string, help = remedy): CheckFinding =>
    warning({ resource, namespace, reason, remedy: help })
  if (replicas === 0) return []
  const tight = budgets.find(
    ({ spec, status }) =>
      matchesLabelSelector(spec.selector, labels) && (status?.disruptionsAllowed ?? 1) === 0,
  )
  return [
    ...(tight === undefined
      ? []
      : [
          say(
            `PodDisruptionBudget ${tight.metadata.name} allows no disruption now: its restart would wait for it`,
            `Scale it up, or widen the budget: kubectl -n ${namespace} get pdb ${tight.metadata.name}`,
          ),
        ]),
    ...(strategy?.type === 'Recreate'
      ? [say('Strategy Recreate: all pods stop before the first new one starts')]
      : []),
    // A Deployment starts the new one first; whoever keeps state or connections still notices.
    ...(replicas === 1 && strategy?.type !== 'Recreate'
      ? [
          say(
            kind === 'StatefulSet'
              ? 'One replica, which is stopped before the new one starts'
              : 'One replica: its connections and memory go with it',
          ),
        ]
      : []),
  ]
}

const TCP_PREFIX = /^(tcp|tls|mongo|mysql|redis|postgres|amqp|kafka|mqtt|nats|ldap)(-|$)/

const longConnections: Check = {
  id: 'MB045',
  title: 'Connections that (un)enrolment cuts',
  link: links.issue(48876),
  evaluate: ({ snapshot, intent }) =>
    intent.options.namespaces.flatMap((namespace) => {
      const remedy =
        'Turn in a quiet hour, and see that clients reconnect: established connections may be reset once'
      const stateful = workloadsIn(snapshot, namespace)
        .filter(({ kind }) => kind === 'StatefulSet')
        .map(({ resource }) =>
          warning({
            resource,
            namespace,
            reason: 'A StatefulSet: its peers mostly hold long connections',
            remedy,
          }),
        )
      const services = itemsIn<Service>(snapshot, 'service', namespace)
        .filter((one) => !isManagedGateway(one))
        .flatMap(({ metadata, spec }) => {
          const ports = (spec.ports ?? []).filter(isTcp)
          if (ports.length === 0) return []
          return [
            warning({
              resource: `Service ${namespace}/${metadata.name}`,
              namespace,
              reason: `Port ${named(ports.map(({ port, name }) => `${port} (${name ?? 'tcp'})`))} carries TCP, where connections are long`,
              remedy,
            }),
          ]
        })
      return [...stateful, ...services]
    }),
}

function isTcp({ name = '', appProtocol, protocol = 'TCP' }: ServicePort): boolean {
  if (protocol !== 'TCP') return false
  return TCP_PREFIX.test(appProtocol?.toLowerCase() ?? name)
}

export const disruptionChecks: readonly Check[] = [restarts, longConnections]
