import { open, readFile, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

export interface ReadLogOptions {
  readonly path: string
  readonly tailLines?: number
  /** Go on while this says so. */
  readonly isGrowing: () => boolean
  readonly signal: AbortSignal
}

const pollMs = 200

/** A container's log, oldest first, and then whatever is still being written. */
export async function* readLog(options: ReadLogOptions): AsyncIterable<string | Uint8Array> {
  const { path, tailLines, isGrowing, signal } = options
  const before = await readFile(`${path}.1`).catch(() => Buffer.alloc(0))
  const current = await readFile(path).catch(() => Buffer.alloc(0))
  const content = Buffer.concat([before, current])
  yield tailLines === undefined ? content : lastLines(content, tailLines)
  let offset = current.length
  while (!signal.aborted) {
    const growing = isGrowing()
    const added = await readFrom(path, offset)
    offset = added.offset
    if (added.bytes.length > 0) yield added.bytes
    else if (!growing) return
    else await delay(pollMs, undefined, { signal }).catch(() => undefined)
  }
}

async function readFrom(path: string, offset: number): Promise<{ bytes: Buffer; offset: number }> {
  const nothing = Buffer.alloc(0)
  const size = await stat(path).then(
    (stats) => stats.size,
    () => 0,
  )
  // Smaller than what was read: the file was rotated and begins anew.
  const start = size < offset ? 0 : offset
  if (size === start) return { bytes: nothing, offset: start }
  const file = await open(path)
  try {
    const bytes = Buffer.alloc(size - start)
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start)
    return { bytes: bytes.subarray(0, bytesRead), offset: start + bytesRead }
  } finally {
    await file.close()
  }
}

function lastLines(content: Buffer, count: number): Buffer {
  // The newline that ends the last line begins no other.
  let start = content.at(-1) === 0x0a ? content.length - 1 : content.length
  for (let lines = 0; lines < count; lines += 1) {
    const newline = start === 0 ? -1 : content.lastIndexOf(0x0a, start - 1)
    if (newline < 0) return content
    start = newline
  }
  return content.subarray(Math.min(start + 1, content.length))
}
