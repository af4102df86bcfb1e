import type { Workload } from '../config/mesh-state.ts'

/**
 * How sidecars tell each other who they are for telemetry (istio/proxy
 * source/extensions/filters/http/peer_metadata): an id, and a base64 protobuf
 * google.protobuf.Struct. https://protobuf.dev/programming-guides/encoding/
 */
export function peerMetadataLines(workload: Workload): string {
  return `x-envoy-peer-metadata: ${encodeMetadata(workload)}\r\nx-envoy-peer-metadata-id: ${nodeId(workload)}\r\n`
}

export function nodeId({ workloadIps, name, namespace }: Workload): string {
  return `sidecar~${workloadIps[0] ?? ''}~${name}.${namespace}~${namespace}.svc.cluster.local`
}

/** The pod address in a node id. */
export function ipOfNodeId(id: string): string | undefined {
  return id.split('~')[1]
}

export function encodeMetadata(workload: Workload): string {
  const { namespace, name, workloadName, clusterId, canonicalName, canonicalRevision } = workload
  const labels = {
    ...(canonicalName ? { 'service.istio.io/canonical-name': canonicalName } : {}),
    'service.istio.io/canonical-revision': canonicalRevision || 'latest',
  }
  const struct = structOf({
    CLUSTER_ID: stringValue(clusterId || 'Kubernetes'),
    LABELS: structValue(structOf(mapValues(labels, stringValue))),
    NAME: stringValue(name),
    NAMESPACE: stringValue(namespace),
    SERVICE_ACCOUNT: stringValue(workload.serviceAccount),
    WORKLOAD_NAME: stringValue(workloadName || name),
  })
  return struct.toString('base64')
}

/** Struct: `map<string, Value> fields = 1`; a map entry has key = 1 and value = 2. */
function structOf(values: Readonly<Record<string, Buffer>>): Buffer {
  return Buffer.concat(
    Object.entries(values).map(([key, value]) =>
      delimited(1, Buffer.concat([delimited(1, Buffer.from(key)), delimited(2, value)])),
    ),
  )
}

/** Value: `string_value = 3`, `struct_value = 5`. */
function stringValue(text: string): Buffer {
  return delimited(3, Buffer.from(text))
}

function structValue(struct: Buffer): Buffer {
  return delimited(5, struct)
}

function delimited(field: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2]), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80)
    rest >>>= 7
  }
  return Buffer.from([...bytes, rest])
}

function mapValues<T>(
  record: Readonly<Record<string, string>>,
  map: (value: string) => T,
): Record<string, T> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]))
}
