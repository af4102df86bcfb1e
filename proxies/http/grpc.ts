import { fieldId } from './field-names.ts'
import { fieldValue, type RequestHead, type ResponseHead } from './head.ts'
import type { Reply } from './reply.ts'

const CONTENT_TYPE = fieldId('content-type')
const GRPC_STATUS = fieldId('grpc-status')

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
export function isGrpc(request: RequestHead): boolean {
  return fieldValue(request, CONTENT_TYPE)?.startsWith('application/grpc') === true
}

/** A call that fails before its first message has its status here instead of in the trailers. */
export function grpcStatusOfHead(head: ResponseHead): string | undefined {
  return fieldValue(head, GRPC_STATUS)
}

/** Empty when the trailers have none. */
export function grpcStatusOf(trailers: string): string {
  return /(?:^|\n)grpc-status:[ \t]*(\d+)/i.exec(trailers)?.[1] ?? ''
}

const UNKNOWN = 2
const UNAVAILABLE = 14
/** https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
const BY_HTTP_STATUS: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: UNAVAILABLE,
  502: UNAVAILABLE,
  503: UNAVAILABLE,
  504: UNAVAILABLE,
}

/** The same answer in the form a gRPC client understands, as Envoy gives it. */
export function grpcReply({ status, body, flags }: Reply): Reply {
  const grpcStatus = String(BY_HTTP_STATUS[status] ?? UNKNOWN)
  const message = body === '' ? '' : `grpc-message: ${encodeMessage(body)}\r\n`
  const lines = `content-type: application/grpc\r\ngrpc-status: ${grpcStatus}\r\n${message}`
  return { status: 200, body: '', flags, lines, grpcStatus }
}

/** Percent-encoding of what is not printable ASCII. */
function encodeMessage(text: string): string {
  return text.replace(/[^ -$&-~]/g, (character) => encodeURIComponent(character))
}
