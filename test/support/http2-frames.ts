/** HTTP/2 as bytes (RFC 9113 section 4.1), for what node's own client and server never send. */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4 } as const

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
/** Entry 8 of the static table (RFC 7541 appendix A). */
export const STATUS_200 = Buffer.from([0x88])

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** A header field as a literal without indexing or Huffman code (RFC 7541 section 6.2.2). */
export function literal(name: string, value: string): Buffer {
  const text = (content: string): Buffer => {
    const bytes = Buffer.from(content, 'latin1')
    if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes])
    const length = [127]
    let rest = bytes.length - 127
    while (rest >= 128) {
      length.push((rest % 128) + 128)
      rest = Math.floor(rest / 128)
    }
    return Buffer.concat([Buffer.from([...length, rest]), bytes])
  }
  return Buffer.concat([Buffer.from([0]), text(name), text(value)])
}

/** Whole frames out of a stream of bytes; `preface` bytes in front of them are skipped. */
export function frameReader(onFrame: (frame: Frame) => void, preface = 0): (chunk: Buffer) => void {
  let held: Buffer = Buffer.alloc(0)
  let skip = preface
  return (chunk) => {
    held = Buffer.concat([held, chunk])
    if (skip > 0) {
      if (held.length < skip) return
      held = held.subarray(skip)
      skip = 0
    }
    while (held.length >= 9) {
      const length = held.readUIntBE(0, 3)
      if (held.length < 9 + length) return
      onFrame({
        type: held[3] ?? 0,
        flags: held[4] ?? 0,
        stream: held.readUInt32BE(5) & 0x7fff_ffff,
        payload: held.subarray(9, 9 + length),
      })
      held = held.subarray(9 + length)
    }
  }
}

/** Identifier -> value of a SETTINGS payload. */
export function settingsOf(payload: Buffer): ReadonlyMap<number, number> {
  const settings = new Map<number, number>()
  for (let at = 0; at + 6 <= payload.length; at += 6) {
    settings.set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2))
  }
  return settings
}
