const HANDSHAKE = 22
const CLIENT_HELLO = 1
const ALPN_EXTENSION = 16
const RECORD_HEADER_BYTES = 5
const HANDSHAKE_HEADER_BYTES = 4

export type Sniffed =
  | { readonly kind: 'plaintext' }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'tls'; readonly alpn: readonly string[] }

const PLAINTEXT: Sniffed = { kind: 'plaintext' }
const INCOMPLETE: Sniffed = { kind: 'incomplete' }

/**
 * Which protocols a TLS client offers, read without terminating TLS: a sidecar ends what its own mesh
 * began and passes on an application's TLS untouched, and only the offer tells the two apart.
 * https://www.rfc-editor.org/rfc/rfc8446#section-4.1.2
 */
export function sniffClientHello(bytes: Buffer): Sniffed {
  if (bytes.length === 0) return INCOMPLETE
  if (bytes[0] !== HANDSHAKE) return PLAINTEXT
  if (bytes.length < RECORD_HEADER_BYTES + HANDSHAKE_HEADER_BYTES) return INCOMPLETE
  if (bytes[1] !== 3 || bytes[RECORD_HEADER_BYTES] !== CLIENT_HELLO) return PLAINTEXT
  const recordEnd = RECORD_HEADER_BYTES + bytes.readUInt16BE(3)
  if (bytes.length < recordEnd) return INCOMPLETE
  try {
    return { kind: 'tls', alpn: alpnOf(bytes.subarray(0, recordEnd)) }
  } catch {
    // Lengths that point outside the record; whoever terminates it will refuse it.
    return { kind: 'tls', alpn: [] }
  }
}

function alpnOf(record: Buffer): string[] {
  // Version and random, then three fields with their length in front.
  let at = RECORD_HEADER_BYTES + HANDSHAKE_HEADER_BYTES + 2 + 32
  at += 1 + record.readUInt8(at)
  at += 2 + record.readUInt16BE(at)
  at += 1 + record.readUInt8(at)
  const end = at + 2 + record.readUInt16BE(at)
  at += 2
  while (at + 4 <= end) {
    const type = record.readUInt16BE(at)
    const length = record.readUInt16BE(at + 2)
    at += 4
    if (type === ALPN_EXTENSION) return protocols(record.subarray(at + 2, at + length))
    at += length
  }
  return []
}

function protocols(list: Buffer): string[] {
  const names: string[] = []
  for (let at = 0; at < list.length; ) {
    const length = list.readUInt8(at)
    names.push(list.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return names
}
