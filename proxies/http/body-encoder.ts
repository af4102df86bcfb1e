import type { Output } from './output.ts'
import type { ResponseEncoding } from './serialise.ts'

/** Writes body bytes in the framing announced in the head that went before. */
export function writeData(
  output: Output,
  encoding: ResponseEncoding,
  chunk: Buffer,
  start: number,
  end: number,
): void {
  if (encoding === 'none' || start === end) return
  if (encoding === 'chunked') {
    output.text(`${(end - start).toString(16)}\r\n`)
    output.data(chunk, start, end)
    output.text('\r\n')
  } else output.data(chunk, start, end)
}

export function writeEnd(output: Output, encoding: ResponseEncoding, trailers: string): void {
  if (encoding === 'chunked') output.text(`0\r\n${trailers}\r\n`)
}
