import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'

/** As much of https://www.rfc-editor.org/rfc/rfc6455 as the contract needs. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export function acceptOf(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64')
}

/** A whole message in one frame, masked as a client has to unless told otherwise. */
export function writeFrame(opcode: number, payload: Buffer, masked = true): Buffer {
  const length = payload.length
  const head =
    length < 126
      ? Buffer.from([0x80 | opcode, length])
      : Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0, 0, 0, 0, 0])
  if (length >= 126) head.writeUInt32BE(length, 6)
  if (!masked) return Buffer.concat([head, payload])
  head[1] = (head[1] as number) | 0x80
  const mask = Buffer.from([1, 2, 3, 4])
  return Buffer.concat([head, mask, unmask(payload, mask)])
}

export interface Frame {
  readonly opcode: number
  readonly bytes: Buffer
}

/** Takes frames off a socket, which it reads from now on. */
export function frameReader(socket: Duplex): () => Promise<Frame> {
  let held: Buffer = Buffer.alloc(0)
  let wake = (): void => {}
  socket.on('data', (chunk: Buffer) => {
    held = Buffer.concat([held, chunk])
    wake()
  })
  socket.on('close', () => wake())
  const read = async (size: number): Promise<Buffer> => {
    while (held.length < size) {
      if (socket.destroyed) throw new Error('the socket ended in a frame')
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    const bytes = held.subarray(0, size)
    held = held.subarray(size)
    return bytes
  }
  return async () => {
    const [first = 0, second = 0] = await read(2)
    const short = second & 0x7f
    const length = short === 127 ? (await read(8)).readUInt32BE(4) : short
    const mask = (second & 0x80) === 0 ? undefined : await read(4)
    const bytes = await read(length)
    return { opcode: first & 0x0f, bytes: mask ? unmask(bytes, mask) : bytes }
  }
}

function unmask(bytes: Buffer, mask: Buffer): Buffer {
  return Buffer.from(bytes.map((byte, n) => byte ^ (mask[n % 4] as number)))
}
