import type { IncomingHttpHeaders } from 'node:http'
import type { Headers } from './downstream.ts'

/**
 * What an application in a mesh has to pass on, because no proxy can tell which outgoing request
 * belongs to which incoming one.
 * https://istio.io/latest/docs/tasks/observability/distributed-tracing/overview/
 */
const propagatedNames = [
  'x-request-id',
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'baggage',
  'x-ot-span-context',
  'x-cloud-trace-context',
  'grpc-trace-bin',
] as const

export function propagatedHeaders(incoming: IncomingHttpHeaders): Headers {
  const headers: Record<string, string> = {}
  for (const name of propagatedNames) {
    const value = incoming[name]
    if (typeof value === 'string') headers[name] = value
  }
  return headers
}
