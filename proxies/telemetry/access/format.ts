import type { AccessEntry } from './entry.ts'
import { type AccessValue, type Operator, operatorOf } from './operators.ts'

/** A line without its end. */
export type Formatter = (entry: AccessEntry) => string

/** istio/istio pilot/pkg/model/telemetry_logging.go: EnvoyTextLogFormat. */
export const ISTIO_TEXT_FORMAT =
  '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% ' +
  '%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% ' +
  '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% ' +
  '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" ' +
  '"%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% ' +
  '%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% ' +
  '%REQUESTED_SERVER_NAME% %ROUTE_NAME%'

/** The same file's EnvoyJSONLogFormatIstio. */
const ISTIO_JSON_FORMAT = {
  start_time: '%START_TIME%',
  route_name: '%ROUTE_NAME%',
  method: '%REQ(:METHOD)%',
  path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
  protocol: '%PROTOCOL%',
  response_code: '%RESPONSE_CODE%',
  response_flags: '%RESPONSE_FLAGS%',
  response_code_details: '%RESPONSE_CODE_DETAILS%',
  connection_termination_details: '%CONNECTION_TERMINATION_DETAILS%',
  bytes_received: '%BYTES_RECEIVED%',
  bytes_sent: '%BYTES_SENT%',
  duration: '%DURATION%',
  upstream_service_time: '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%',
  x_forwarded_for: '%REQ(X-FORWARDED-FOR)%',
  user_agent: '%REQ(USER-AGENT)%',
  request_id: '%REQ(X-REQUEST-ID)%',
  authority: '%REQ(:AUTHORITY)%',
  upstream_host: '%UPSTREAM_HOST%',
  upstream_cluster: '%UPSTREAM_CLUSTER_RAW%',
  upstream_local_address: '%UPSTREAM_LOCAL_ADDRESS%',
  downstream_local_address: '%DOWNSTREAM_LOCAL_ADDRESS%',
  downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
  requested_server_name: '%REQUESTED_SERVER_NAME%',
  upstream_transport_failure_reason: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
} as const

export function textFormatter(format: string = ISTIO_TEXT_FORMAT): Formatter {
  // Text and operators take turns; two percent signs are one.
  const parts = format
    .replace(/\r?\n$/, '')
    .split(/%([A-Z_]+(?:\([^)]*\))?(?::\d+)?)%/)
    .map((part, at) => (at % 2 === 0 ? part.replaceAll('%%', '%') : operatorOf(part)))
  return (entry) =>
    parts.map((part) => (typeof part === 'string' ? part : printed(part, entry))).join('')
}

/** `format`: an object of such texts, perhaps nested. What is none is as good as absent, as in istiod. */
export function jsonFormatter(format?: string): Formatter {
  const member = objectOf(parsed(format) ?? ISTIO_JSON_FORMAT)
  return (entry) => JSON.stringify(member(entry))
}

function parsed(format: string | undefined): object | undefined {
  try {
    const value: unknown = JSON.parse(format ?? '')
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

type Member = (entry: AccessEntry) => unknown

function objectOf(format: object): Member {
  const members = Object.entries(format).map(([key, value]) => [key, memberOf(value)] as const)
  return (entry) => Object.fromEntries(members.map(([key, member]) => [key, member(entry)]))
}

/** Figures stay figures, what is missing is null, as in Envoy. */
function memberOf(value: unknown): Member {
  if (typeof value === 'object' && value !== null) return objectOf(value)
  if (typeof value !== 'string') return () => value
  const [, single] = /^%([^%]+)%$/.exec(value) ?? []
  if (single === undefined) return textFormatter(value)
  const operator = operatorOf(single)
  return (entry) => operator?.(entry) ?? null
}

function printed(operator: Operator | undefined, entry: AccessEntry): string {
  const value: AccessValue = operator?.(entry)
  return value === undefined || value === '' ? '-' : oneLine(String(value))
}

/** What a peer sent must not be able to end a line or a quoted field. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones meant.
  return text.replace(/[\u0000-\u001f"\u007f]/g, (character) =>
    character === '"' ? '\\"' : `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
