import { isObject, members, valueAt } from '../../cluster/api/json.ts'
import type { Service } from '../../cluster/kinds.ts'
import { controlPlanes, injectorValues, ztunnel } from '../inventory/mesh.ts'
import type { Check, CheckContext } from './check.ts'
import { blocker, named, warning } from './finding.ts'
import { links } from './links.ts'
import { workloadsIn } from './targets.ts'

const multicluster: Check = {
  id: 'MB014',
  title: 'One cluster, or several that ambient supports',
  link: links.multicluster,
  evaluate: ({ snapshot }) => {
    const remote = snapshot
      .items('mutatingWebhook')
      .filter(({ metadata }) => metadata.labels?.app === 'sidecar-injector')
      .filter(({ webhooks }) =>
        members(webhooks).some(({ clientConfig }) => isObject(clientConfig) && clientConfig.url),
      )
    const external = controlPlanes(snapshot).filter(
      ({ env }) => env.get('EXTERNAL_ISTIOD') === 'true',
    )
    const remedy =
      'Keep sidecars for now: ambient supports several clusters only as multi-primary (one istiod per cluster)'
    const primaryRemote = [
      ...remote.map(({ metadata }) => `MutatingWebhookConfiguration ${metadata.name}`),
      ...external.map(({ resource }) => resource),
    ].map((resource) =>
      blocker(
        {
          resource,
          reason: 'It belongs to a primary-remote mesh, which ambient does not support',
          remedy,
        },
        true,
      ),
    )
    if (primaryRemote.length > 0) return primaryRemote

    const eastWest = snapshot
      .items<Service>('service')
      .filter(({ metadata }) => metadata.labels?.istio === 'eastwestgateway')
    const signs = [
      ...snapshot
        .items('secret')
        .map(({ metadata }) => `Secret ${metadata.namespace}/${metadata.name}`),
      ...eastWest.map(({ metadata }) => `Service ${metadata.namespace}/${metadata.name}`),
    ]
    return signs.map((resource) =>
      warning({
        resource,
        reason:
          'The mesh spans several clusters: ambient across networks needs AMBIENT_ENABLE_MULTI_NETWORK, and calls of sidecars to ambient pods of another network go astray before 1.29',
        remedy:
          'See whether services of these namespaces are called from other clusters, and test that first',
      }),
    )
  },
}

const spire: Check = {
  id: 'MB015',
  title: 'Identities come from istiod, not from SPIRE',
  link: links.beforeMigrating,
  evaluate: ({ snapshot, intent }) => {
    const remedy = 'Keep these pods on sidecars: ztunnel cannot get identities from SPIRE'
    const planes = controlPlanes(snapshot)
      .filter(({ env }) => /spi(ffe|re)/i.test(env.get('PILOT_CERT_PROVIDER') ?? ''))
      .map(({ resource, env }) =>
        blocker(
          {
            resource,
            reason: `PILOT_CERT_PROVIDER is ${env.get('PILOT_CERT_PROVIDER')}: the mesh takes its certificates from SPIRE`,
            remedy,
          },
          true,
        ),
      )
    const workloads = intent.options.namespaces.flatMap((namespace) =>
      workloadsIn(snapshot, namespace).flatMap(({ resource, template, annotations }) => {
        const volume = members(template.spec.volumes).find(
          ({ csi }) => isObject(csi) && csi.driver === 'csi.spiffe.io',
        )
        const templates = annotations['inject.istio.io/templates'] ?? ''
        if (volume === undefined && !/spire/i.test(templates)) return []
        const sign =
          volume === undefined
            ? `injection template ${templates}`
            : `volume ${volume.name} of csi.spiffe.io`
        return [
          blocker(
            { resource, namespace, reason: `It takes its identity from SPIRE (${sign})`, remedy },
            true,
          ),
        ]
      }),
    )
    return [...planes, ...workloads]
  },
}

const machines: Check = {
  id: 'MB016',
  title: 'No virtual machines take part',
  link: links.beforeMigrating,
  evaluate: (context) => {
    const { snapshot, intent } = context
    const kinds = ['workloadEntry', 'workloadGroup'] as const
    const entries = kinds.flatMap((kind) => snapshot.items(kind))
    return intent.options.namespaces.flatMap((namespace) => {
      const own = entries.filter(({ metadata }) => metadata.namespace === namespace)
      const calling = callingMachines(context, namespace)
      return [...own, ...calling].map(({ kind, metadata }) =>
        blocker(
          {
            resource: `${kind} ${metadata.namespace}/${metadata.name}`,
            namespace,
            reason:
              metadata.namespace === namespace
                ? 'Machines outside the cluster cannot join ambient; they stay reachable as destinations only'
                : `This machine calls ${namespace} with a sidecar, which skips waypoints and cannot turn ambient`,
            remedy: 'Keep the services that machines take part in on sidecars, or accept it',
          },
          true,
        ),
      )
    })
  },
}

/** Entries of other namespaces under the name of a caller's workload. */
function callingMachines({ snapshot }: CheckContext, namespace: string) {
  const entries = snapshot
    .items('workloadEntry')
    .filter(({ metadata }) => metadata.namespace !== namespace)
  if (entries.length === 0) return []
  const callers = snapshot.probes.callers(namespace)
  return entries.filter(({ metadata, spec }) => {
    const labels = isObject(spec) && isObject(spec.labels) ? spec.labels : {}
    return callers.some(
      (caller) =>
        caller.namespace === metadata.namespace &&
        [labels.app, metadata.name].includes(caller.workload),
    )
  })
}

const authority: Check = {
  id: 'MB017',
  title: 'The CA issues certificates of pods to ztunnel',
  link: links.issue(56550),
  evaluate: ({ snapshot }) => {
    const component = ztunnel(snapshot)
    const external = injectorValues(snapshot).flatMap(({ resource, config }) => {
      const address = valueAt(config, 'global.caAddress')
      if (typeof address !== 'string' || address === '' || /istiod/.test(address)) return []
      return [
        warning({
          resource,
          reason: `Certificates come from ${address}: it must let the account of ztunnel ask for those of all pods on its node`,
          remedy:
            'Ask whoever runs this CA whether it supports ztunnel, and try it with one pod first',
        }),
      ]
    })
    if (component === undefined) return external
    const account = component.set.spec.template.spec.serviceAccountName ?? 'ztunnel'
    const asks = `${component.namespace}/${account}`
    const mistrusting = controlPlanes(snapshot).flatMap(({ resource, env }) => {
      const trusted = (env.get('CA_TRUSTED_NODE_ACCOUNTS') ?? '')
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== '')
      if (trusted.length === 0 || trusted.includes(asks)) return []
      return [
        warning({
          resource,
          reason: `CA_TRUSTED_NODE_ACCOUNTS is ${named(trusted)}, and ztunnel runs as ${asks}: it would get no certificates`,
          remedy: `helm upgrade istiod istio/istiod --set trustedZtunnelNamespace=${component.namespace} --set trustedZtunnelName=${account}`,
        }),
      ]
    })
    return [...external, ...mistrusting]
  },
}

export const topologyChecks: readonly Check[] = [multicluster, spire, machines, authority]
