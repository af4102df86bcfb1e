import type { LabelSelector } from '../../../cluster/kinds.ts'
import { hbonePort } from '../../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../../cluster/objects.ts'
import type { Call } from '../../result/plan.ts'
import { migrationLabel } from '../steps/context.ts'

export interface NetworkPolicy extends KubeObject {
  spec?: {
    readonly podSelector?: LabelSelector
    readonly policyTypes?: readonly string[]
    readonly ingress?: readonly NetworkRule[]
    readonly egress?: readonly NetworkRule[]
  }
}

interface NetworkRule {
  readonly from?: readonly unknown[]
  readonly to?: readonly unknown[]
  readonly ports?: readonly {
    readonly port?: number | string
    readonly endPort?: number
    readonly protocol?: string
  }[]
}

/** Where kubelet's probes come from in ambient (istio.io/latest/docs/ambient/usage/networkpolicy). */
const probeAddress = '169.254.7.127/32'

/** Which of its directions would drop HBONE or probes. */
export function blocksAmbient(policy: NetworkPolicy): readonly ('Ingress' | 'Egress')[] {
  const { ingress = [], egress = [] } = policy.spec ?? {}
  const types = typesOf(policy)
  // An empty rule admits everything, probes included.
  const open = ingress.some(({ from = [], ports = [] }) => from.length === 0 && ports.length === 0)
  return [
    ...(types.includes('Ingress') && !open ? (['Ingress'] as const) : []),
    ...(types.includes('Egress') && egress.some((rule) => !admitsHbone(rule))
      ? (['Egress'] as const)
      : []),
  ]
}

/** Whether it tells ports apart, which nobody can within a tunnel. */
export function restrictsPorts({ spec }: NetworkPolicy): boolean {
  return (spec?.ingress ?? []).some(({ ports = [] }) => ports.length > 0)
}

/**
 * A second policy for the very same pods, since one for other pods would isolate those: the same peers on
 * port 15008, and the address of probes.
 */
export function hboneAllowance(policy: NetworkPolicy, name: string, migration: string): Call {
  const { apiVersion, kind, metadata, spec } = policy
  const types = blocksAmbient(policy)
  const ports = [{ protocol: 'TCP', port: hbonePort }]
  const onHbone = (rules: readonly NetworkRule[] = []) =>
    rules.filter((rule) => !admitsHbone(rule)).map((rule) => ({ ...rule, ports }))
  const ref = { apiVersion, kind, name, namespace: metadata.namespace ?? 'default' }
  return {
    verb: 'apply',
    ref,
    body: {
      apiVersion,
      kind,
      metadata: { name, namespace: ref.namespace, labels: { [migrationLabel]: migration } },
      spec: {
        podSelector: spec?.podSelector ?? {},
        policyTypes: types,
        ...(types.includes('Ingress')
          ? {
              ingress: [...onHbone(spec?.ingress), { from: [{ ipBlock: { cidr: probeAddress } }] }],
            }
          : {}),
        ...(types.includes('Egress') ? { egress: onHbone(spec?.egress) } : {}),
      },
    },
  }
}

function typesOf({ spec }: NetworkPolicy): readonly string[] {
  return spec?.policyTypes ?? ['Ingress', ...(spec?.egress === undefined ? [] : ['Egress'])]
}

function admitsHbone({ ports = [] }: NetworkRule): boolean {
  if (ports.length === 0) return true
  return ports.some(({ port, endPort, protocol = 'TCP' }) => {
    if (protocol !== 'TCP') return false
    if (port === undefined || port === hbonePort) return true
    return (
      typeof port === 'number' && endPort !== undefined && port <= hbonePort && endPort >= hbonePort
    )
  })
}
