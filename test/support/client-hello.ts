/** What a TLS client offers (RFC 8446 section 4.1.2), read from its first record. */
export interface Offer {
  readonly suites: readonly number[]
  readonly versions: readonly number[]
  readonly alpn: readonly string[]
  readonly serverName: boolean
}

export function readOffer(record: Buffer): Offer {
  let at = 5 + 4 + 2 + 32
  at += 1 + (record[at] ?? 0)
  const suites = words(record.subarray(at + 2, at + 2 + record.readUInt16BE(at)))
  at += 2 + record.readUInt16BE(at)
  at += 1 + (record[at] ?? 0)
  const end = at + 2 + record.readUInt16BE(at)
  at += 2
  const extensions = new Map<number, Buffer>()
  while (at < end) {
    const length = record.readUInt16BE(at + 2)
    extensions.set(record.readUInt16BE(at), record.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  const alpn: string[] = []
  const protocols = extensions.get(16)?.subarray(2) ?? Buffer.alloc(0)
  for (let from = 0; from < protocols.length; ) {
    const length = protocols[from] ?? 0
    alpn.push(protocols.toString('latin1', from + 1, from + 1 + length))
    from += 1 + length
  }
  return {
    suites,
    versions: words(extensions.get(43)?.subarray(1) ?? Buffer.alloc(0)),
    alpn,
    serverName: extensions.has(0),
  }
}

function words(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length >> 1 }, (_, index) => bytes.readUInt16BE(2 * index))
}
