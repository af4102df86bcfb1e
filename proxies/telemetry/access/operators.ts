import type { AccessEntry } from './entry.ts'

export type AccessValue = string | number | undefined
export type Operator = (entry: AccessEntry) => AccessValue

/** Envoy's command operators (https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage). */
const OPERATORS: Readonly<Record<string, Operator>> = {
  START_TIME: ({ startMs }) => new Date(startMs).toISOString(),
  PROTOCOL: ({ request }) => request?.protocol,
  RESPONSE_CODE: ({ status }) => status,
  RESPONSE_FLAGS: ({ flags }) => flags,
  RESPONSE_CODE_DETAILS: ({ details }) => details,
  CONNECTION_TERMINATION_DETAILS: ({ terminationDetails }) => terminationDetails,
  UPSTREAM_TRANSPORT_FAILURE_REASON: ({ transportFailure }) => transportFailure,
  BYTES_RECEIVED: ({ receivedBytes }) => receivedBytes,
  BYTES_SENT: ({ sentBytes }) => sentBytes,
  DURATION: ({ durationMs }) => Math.floor(durationMs),
  UPSTREAM_HOST: ({ upstreamHost }) => upstreamHost,
  UPSTREAM_CLUSTER: ({ upstreamCluster }) => upstreamCluster,
  UPSTREAM_CLUSTER_RAW: ({ upstreamCluster }) => upstreamCluster,
  UPSTREAM_LOCAL_ADDRESS: ({ upstreamLocal }) => upstreamLocal,
  DOWNSTREAM_LOCAL_ADDRESS: ({ downstreamLocal }) => downstreamLocal,
  DOWNSTREAM_REMOTE_ADDRESS: ({ downstreamRemote }) => downstreamRemote,
  ROUTE_NAME: ({ routeName }) => routeName,
  GRPC_STATUS_NUMBER: ({ grpcStatus }) => grpcStatus,
}

const PSEUDO: Readonly<Record<string, Operator>> = {
  ':method': ({ request }) => request?.method,
  ':path': ({ request }) => request?.path,
  ':authority': ({ request }) => request?.authority,
}

/** Undefined for what this proxy does not know, which is then printed as `-`. */
export function operatorOf(text: string): Operator | undefined {
  const [, name = '', argument] = /^([A-Z_]+)(?:\(([^)]*)\))?(?::\d+)?$/.exec(text) ?? []
  if (argument === undefined) return Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined
  if (name === 'RESP') {
    return argument.toLowerCase() === 'x-envoy-upstream-service-time'
      ? ({ upstreamServiceMs: time }) => (time === undefined ? time : String(Math.floor(time)))
      : undefined
  }
  if (name !== 'REQ') return undefined
  // `A?B`: B where there is no A.
  const fields = argument.split('?').map(requestField)
  return (entry) => {
    for (const field of fields) {
      const value = field(entry)
      if (value !== undefined) return value
    }
    return undefined
  }
}

function requestField(name: string): Operator {
  const lower = name.toLowerCase()
  const pseudo = Object.hasOwn(PSEUDO, lower) ? PSEUDO[lower] : undefined
  return pseudo ?? (({ request }) => request?.header(lower))
}
