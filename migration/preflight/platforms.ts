import { isObject, valueAt } from '../../cluster/api/json.ts'
import type { DaemonSet, Node } from '../../cluster/kinds.ts'
import { cni, envOf, ztunnel } from '../inventory/mesh.ts'
import { NotReadable, type Snapshot } from '../inventory/snapshot.ts'
import { isBefore, isWithin, versionOfImage } from '../inventory/versions.ts'
import type { Check } from './check.ts'
import { blocker, finding, warning } from './finding.ts'
import { links } from './links.ts'

/** The one whose pods carry a label, wherever it is installed. */
function daemonSet(snapshot: Snapshot, app: string): DaemonSet | undefined {
  return snapshot
    .items<DaemonSet>('daemonSet')
    .find(({ metadata }) => metadata.labels?.['k8s-app'] === app || metadata.name === app)
}

export function usesCilium(snapshot: Snapshot): boolean {
  return daemonSet(snapshot, 'cilium') !== undefined
}

const cilium: Check = {
  id: 'MB072',
  title: 'Cilium leaves room for istio-cni',
  link: links.cilium,
  evaluate: ({ snapshot, intent }) => {
    const set = daemonSet(snapshot, 'cilium')
    if (set === undefined) return []
    const { namespace = 'kube-system' } = set.metadata
    const resource = `ConfigMap ${namespace}/cilium-config`
    const data = snapshot.probes.configMap(namespace, 'cilium-config')?.data
    if (data === undefined) throw new NotReadable(`${resource} does not exist`)
    const setting = (name: string): string => data[name] ?? ''
    const planned = intent.namespaces.some(({ waypoint }) => waypoint !== undefined)
    const replaces = /^(true|strict)$/.test(setting('kube-proxy-replacement'))
    return [
      ...(setting('cni-exclusive') === 'false'
        ? []
        : [
            blocker(
              {
                resource,
                reason:
                  'cni-exclusive is not false: Cilium removes istio-cni from its configuration',
                remedy: 'helm upgrade cilium --reuse-values --set cni.exclusive=false',
              },
              true,
            ),
          ]),
      ...(setting('enable-bpf-masquerade') === 'true'
        ? [
            blocker(
              {
                resource,
                reason:
                  'enable-bpf-masquerade is true: probes of ambient pods come from an address it rewrites, and fail',
                remedy: 'helm upgrade cilium --reuse-values --set bpf.masquerade=false',
              },
              true,
            ),
          ]
        : []),
      ...(replaces && setting('bpf-lb-sock-hostns-only') !== 'true'
        ? [
            finding(planned ? 'blocker' : 'warning', {
              resource,
              reason:
                'kube-proxy replacement without bpf-lb-sock-hostns-only: pods connect to other pods’ addresses directly, past every waypoint',
              remedy: 'helm upgrade cilium --reuse-values --set socketLB.hostNamespaceOnly=true',
            }),
          ]
        : []),
    ]
  },
}

const calico: Check = {
  id: 'MB073',
  title: 'Calico’s eBPF data plane goes with ambient',
  link: links.issue(52765),
  evaluate: ({ snapshot }) => {
    const set = daemonSet(snapshot, 'calico-node')
    if (set === undefined) return []
    const felix = snapshot
      .items('felixConfiguration')
      .find(({ metadata }) => metadata.name === 'default')
    const settings = isObject(felix?.spec) ? felix.spec : {}
    if (settings.bpfEnabled !== true) return []
    const resource = 'FelixConfiguration default'
    const image = set.spec.template.spec.containers[0]?.image ?? ''
    const version = versionOfImage(image)
    const balancing = settings.bpfConnectTimeLoadBalancing
    const disabled =
      balancing === 'Disabled' || settings.bpfConnectTimeLoadBalancingEnabled === false
    const findings = [
      ...(version !== undefined && isBefore(version, '3.29')
        ? [
            blocker(
              {
                resource,
                reason: `Calico ${version.text} with eBPF: probes of ambient pods fail before 3.29`,
                remedy: 'Upgrade Calico to 3.29 or newer, or set bpfEnabled to false',
              },
              true,
            ),
          ]
        : []),
      ...(disabled
        ? []
        : [
            warning({
              resource,
              reason:
                'Connect-time load balancing hides the service behind the pod’s address: traffic goes past its waypoint',
              remedy:
                'kubectl patch felixconfiguration default --type=merge -p \'{"spec":{"bpfConnectTimeLoadBalancing":"Disabled"}}\'',
            }),
          ]),
    ]
    if (findings.length === 0 && version === undefined) {
      throw new NotReadable(`the tag of ${image || 'calico-node'} names no version`)
    }
    return findings
  },
}

const awsSecurityGroups: Check = {
  id: 'MB074',
  title: 'Security groups for pods let probes through',
  link: links.platforms,
  evaluate: ({ snapshot, intent }) => {
    const set = daemonSet(snapshot, 'aws-node')
    const env = envOf(set?.spec.template.spec.containers.find(({ name }) => name === 'aws-node'))
    if (set === undefined || env.get('ENABLE_POD_ENI') !== 'true') return []
    const mode = env.get('POD_SECURITY_GROUP_ENFORCING_MODE') || 'strict'
    const policies = snapshot
      .items('securityGroupPolicy')
      .filter(({ metadata }) => intent.options.namespaces.includes(metadata.namespace ?? ''))
    if (mode === 'standard' || policies.length === 0) return []
    const component = cni(snapshot)
    if (component === undefined) return []
    const { version, image } = component
    if (version === undefined) throw new NotReadable(`the tag of ${image} names no version`)
    if (!isBefore(version, '1.28.7') && !isWithin(version, '1.29.0', '1.29.2')) return []
    return policies.map(({ metadata }) =>
      blocker(
        {
          resource: `SecurityGroupPolicy ${metadata.namespace}/${metadata.name}`,
          ...(metadata.namespace && { namespace: metadata.namespace }),
          reason: `Enforced strictly, and istio-cni ${version.text} cannot let probes through to such pods`,
          remedy:
            'kubectl -n kube-system set env daemonset/aws-node POD_SECURITY_GROUP_ENFORCING_MODE=standard, or istio-cni 1.28.7, 1.29.3, 1.30.0 or newer',
        },
        true,
      ),
    )
  },
}

const clouds: Check = {
  id: 'MB075',
  title: 'What GKE and OpenShift ask for',
  link: links.platforms,
  evaluate: ({ snapshot }) => {
    const nodes = snapshot.items<Node>('node')
    const has = (label: string): boolean =>
      nodes.some(({ metadata }) => metadata.labels?.[label] !== undefined)
    return [
      ...(has('cloud.google.com/gke-nodepool') ? criticalQuota(snapshot) : []),
      ...(has('node.openshift.io/os_id') ? routingViaHost(snapshot) : []),
    ]
  },
}

/** GKE lets pods of class system-node-critical into kube-system and where a quota says so. */
function criticalQuota(snapshot: Snapshot) {
  const home = ztunnel(snapshot)?.namespace ?? snapshot.rootNamespace
  const quota = snapshot
    .items('resourceQuota')
    .filter(({ metadata }) => metadata.namespace === home)
    .some(({ spec }) => JSON.stringify(spec ?? {}).includes('system-node-critical'))
  if (home === 'kube-system' || quota) return []
  return [
    warning({
      resource: `Namespace ${home}`,
      reason:
        'GKE admits pods of class system-node-critical only where a ResourceQuota says so: new pods of ztunnel and istio-cni may be refused',
      remedy: `Create a ResourceQuota in ${home} whose scopeSelector names PriorityClass system-node-critical, as the platform page shows`,
    }),
  ]
}

function routingViaHost(snapshot: Snapshot) {
  const network = snapshot
    .items('openShiftNetwork')
    .find(({ metadata }) => metadata.name === 'cluster')
  const kind = valueAt(network?.spec, 'defaultNetwork.type')
  const ovn = 'defaultNetwork.ovnKubernetesConfig.gatewayConfig'
  if (network !== undefined && kind !== 'OVNKubernetes') return []
  if (valueAt(network?.spec, `${ovn}.routingViaHost`) === true) return []
  return [
    warning({
      resource: 'Network cluster',
      reason:
        'OVN-Kubernetes does not route via the host (local gateway mode): probes of ambient pods fail',
      remedy:
        'kubectl patch networks.operator.openshift.io cluster --type=merge -p \'{"spec":{"defaultNetwork":{"ovnKubernetesConfig":{"gatewayConfig":{"routingViaHost":true}}}}}\'',
    }),
  ]
}

export const platformChecks: readonly Check[] = [cilium, calico, awsSecurityGroups, clouds]
