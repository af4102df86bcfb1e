import { randomUUID } from 'node:crypto'
import type { ExchangeRecord } from './exchange-record.ts'
import { fieldId } from './field-names.ts'
import { fieldValue, type RequestHead } from './head.ts'

const REQUEST_ID = fieldId('x-request-id')
const FORWARDED_PROTO = fieldId('x-forwarded-proto')

/** `x-forwarded-proto` and `x-request-id`, unless the request has them. */
export function requestIdentity(request: RequestHead, scheme: 'http' | 'https'): string {
  const proto =
    fieldValue(request, FORWARDED_PROTO) === undefined ? `x-forwarded-proto: ${scheme}\r\n` : ''
  return fieldValue(request, REQUEST_ID) === undefined
    ? `${proto}x-request-id: ${randomUUID()}\r\n`
    : proto
}

export function responseIdentity(
  server: 'envoy' | 'istio-envoy',
  exchange: ExchangeRecord,
): string {
  return `x-envoy-upstream-service-time: ${Math.floor(exchange.upstreamServiceMs)}\r\nserver: ${server}\r\n`
}
