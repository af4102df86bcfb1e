import { BlockList } from 'node:net'
import { matchesLabelSelector } from '../../cluster/api/label-selector.ts'
import type { LabelSelector } from '../../cluster/kinds.ts'
import { hbonePort } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'

export interface NetworkPolicy extends KubeObject {
  spec?: {
    readonly podSelector?: LabelSelector
    readonly policyTypes?: readonly string[]
    readonly ingress?: readonly Rule[]
    readonly egress?: readonly Rule[]
  }
}

export interface Rule {
  readonly from?: readonly Peer[]
  readonly to?: readonly Peer[]
  readonly ports?: readonly PortRange[]
}

export interface Peer {
  readonly podSelector?: LabelSelector
  readonly namespaceSelector?: LabelSelector
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] }
}

interface PortRange {
  readonly port?: number | string
  readonly endPort?: number
  readonly protocol?: string
}

type Labels = Readonly<Record<string, string>>
export type Direction = 'ingress' | 'egress'

/** Kubelet's probes as pods of an ambient mesh see them. */
export const PROBE_ADDRESS = '169.254.7.127'

export function selectsPod({ spec }: NetworkPolicy, labels: Labels): boolean {
  return matchesLabelSelector(spec?.podSelector ?? {}, labels)
}

/** Whether pods it selects are cut off from all it does not admit. */
export function isolates({ spec }: NetworkPolicy, direction: Direction): boolean {
  const types = spec?.policyTypes
  if (direction === 'ingress') return types === undefined || types.includes('Ingress')
  return types === undefined ? spec?.egress !== undefined : types.includes('Egress')
}

export function rulesOf({ spec }: NetworkPolicy, direction: Direction): readonly Rule[] {
  return (direction === 'ingress' ? spec?.ingress : spec?.egress) ?? []
}

export function peersOf(rule: Rule, direction: Direction): readonly Peer[] {
  return (direction === 'ingress' ? rule.from : rule.to) ?? []
}

/** A name stands for whatever port of the pod has it: never for HBONE's. */
export function admitsPort({ ports = [] }: Rule, wanted: number): boolean {
  if (ports.length === 0) return true
  return ports.some(({ port, endPort, protocol = 'TCP' }) => {
    if (protocol !== 'TCP') return false
    if (port === undefined) return true
    if (typeof port !== 'number') return false
    return port <= wanted && wanted <= (endPort ?? port)
  })
}

/** Lets TCP through on some ports, but not on that of HBONE. */
export function lacksHbone(rule: Rule): boolean {
  const forTcp = (rule.ports ?? []).some(
    ({ protocol = 'TCP', port }) => protocol === 'TCP' && port !== 53,
  )
  return forTcp && !admitsPort(rule, hbonePort)
}

/** Only address blocks: for whoever is outside of the cluster, and so of the mesh. */
export function isForOutsiders(rule: Rule, direction: Direction): boolean {
  const peers = peersOf(rule, direction)
  return peers.length > 0 && peers.every(({ ipBlock }) => ipBlock !== undefined)
}

/** Another rule that gives the same peers, or everybody, the port of HBONE. */
export function isMadeUpFor(rule: Rule, others: readonly Rule[], direction: Direction): boolean {
  const peers = JSON.stringify(peersOf(rule, direction))
  return others.some((other) => {
    const theirs = peersOf(other, direction)
    return admitsPort(other, hbonePort) && (theirs.length === 0 || JSON.stringify(theirs) === peers)
  })
}

/** Whether a peer of a rule means pods of a namespace with these labels; `specific` when not simply all. */
export function meansNamespace(
  { namespaceSelector, ipBlock }: Peer,
  labels: Labels,
): { readonly means: boolean; readonly specific: boolean } {
  if (ipBlock !== undefined || namespaceSelector === undefined) {
    return { means: false, specific: false }
  }
  const { matchLabels = {}, matchExpressions = [] } = namespaceSelector
  const specific = Object.keys(matchLabels).length + matchExpressions.length > 0
  return { means: matchesLabelSelector(namespaceSelector, labels), specific }
}

export function admitsAddress(rule: Rule, address: string): boolean {
  const peers = peersOf(rule, 'ingress')
  return peers.length === 0 || peers.some(({ ipBlock }) => ipBlock && within(ipBlock, address))
}

function within({ cidr, except = [] }: NonNullable<Peer['ipBlock']>, address: string): boolean {
  const inBlock = (block: string): boolean => {
    const [network = '', bits = ''] = block.split('/')
    if (network.includes(':')) return false
    const list = new BlockList()
    list.addSubnet(network, Number(bits || 32))
    return list.check(address)
  }
  return inBlock(cidr) && !except.some(inBlock)
}

/** JSON patch that adds the port of HBONE to the rules at these places. */
export function admitHbonePatch(direction: Direction, indexes: readonly number[]): unknown {
  return indexes.map((index) => ({
    op: 'add',
    path: `/spec/${direction}/${index}/ports/-`,
    value: { protocol: 'TCP', port: hbonePort },
  }))
}
