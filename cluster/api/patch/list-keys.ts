/**
 * How lists merge, from the `patchMergeKey` tags of k8s.io/api: elements of these lists are told apart
 * by a key. A list that is not here is replaced as a whole (tolerations, args, endpoints, ...).
 */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  imagePullSecrets: 'name',
  secrets: 'name',
  hostAliases: 'ip',
  podIPs: 'ip',
  hostIPs: 'ip',
  webhooks: 'name',
  matchConditions: 'name',
  topologySpreadConstraints: 'topologyKey',
  schedulingGates: 'name',
  resourceClaims: 'name',
  conditions: 'type',
  addresses: 'type',
  ownerReferences: 'uid',
}

/** Lists of plain values that merge as sets. */
const SETS: readonly string[] = ['finalizers', 'podCIDRs']

/** `path` holds the member names that lead to the list, its own last; list elements add none. */
export function mergeKeyOf(path: readonly string[]): string | undefined {
  const name = path.at(-1) ?? ''
  // Ports are the one list whose key depends on where it is: of a container, of a service, of a rule.
  if (name === 'ports') {
    if (path.at(-2)?.endsWith('ontainers')) return 'containerPort'
    return path.join('.') === 'spec.ports' ? 'port' : undefined
  }
  return Object.hasOwn(MERGE_KEYS, name) ? MERGE_KEYS[name] : undefined
}

export function isSet(path: readonly string[]): boolean {
  return SETS.includes(path.at(-1) ?? '')
}
