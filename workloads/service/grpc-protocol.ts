/**
 * gRPC over HTTP/2 as far as one unary method needs it:
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */

/** The one method of every gRPC service here; both its messages are `{ bytes payload = 1; }`. */
export const grpcMethod = '/meshbench.Service/Call'

export const grpcContentType = 'application/grpc'

/** https://grpc.io/docs/guides/status-codes/ */
export const grpcStatus = { ok: 0, unknown: 2, unimplemented: 12, internal: 13, unavailable: 14 }

const prefixBytes = 5

/** Field 1, length-delimited: https://protobuf.dev/programming-guides/encoding/ */
const payloadTag = 0x0a

/** A length-prefixed message with so much payload. */
export function grpcMessage(payloadBytes: number): Buffer {
  const field = payloadBytes === 0 ? [] : [payloadTag, ...varint(payloadBytes)]
  const message = Buffer.alloc(prefixBytes + field.length + payloadBytes, 'x')
  message.writeUInt8(0, 0)
  message.writeUInt32BE(field.length + payloadBytes, 1)
  message.set(field, prefixBytes)
  return message
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))]
}

export interface GrpcFault {
  readonly status: number
  readonly message: string
}

/** Takes what a stream carries and tells whether it was one whole message; keeps nothing but its length. */
export class OneMessage {
  readonly #prefix = Buffer.alloc(prefixBytes)
  #bytes = 0

  add(chunk: Buffer): void {
    if (this.#bytes < prefixBytes) chunk.copy(this.#prefix, this.#bytes)
    this.#bytes += chunk.length
  }

  /** To be asked at the stream's end. */
  fault(): GrpcFault | undefined {
    if (this.#prefix[0] !== 0) {
      return { status: grpcStatus.unimplemented, message: 'compressed messages are not taken' }
    }
    if (this.#bytes === prefixBytes + this.#prefix.readUInt32BE(1)) return undefined
    return { status: grpcStatus.internal, message: 'not exactly one whole message' }
  }
}

/** Percent-encoding of `grpc-message`. */
export function encodeGrpcMessage(text: string): string {
  return text.trim().replace(/[^ -$&-~]/gu, encodeURIComponent)
}

export function decodeGrpcMessage(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
