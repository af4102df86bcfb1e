import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { SocketAddress } from '../../proxies/config/process.ts'

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly trailers: NodeJS.Dict<string>
  readonly body: Buffer
}

export interface RequestOptions extends http.RequestOptions {
  readonly body?: Buffer
}

/** One request by node's own client. A body goes out with its length unless chunked is asked for. */
export async function request(
  address: SocketAddress,
  path: string,
  { body, ...options }: RequestOptions = {},
): Promise<Answer> {
  const sent = http.request({ ...address, path, ...options })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [http.IncomingMessage]
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part as Buffer)
  const { statusCode: status = 0, headers, trailers } = response
  return { status, headers, trailers, body: Buffer.concat(parts) }
}

/** Bytes that differ from chunk to chunk, the same every time. */
export function* pattern(totalBytes: number, chunkBytes = 64 * 1024): Generator<Buffer> {
  for (let sent = 0, n = 0; sent < totalBytes; n++) {
    const size = Math.min(chunkBytes, totalBytes - sent)
    yield Buffer.alloc(size, String.fromCharCode(33 + (n % 90)))
    sent += size
  }
}

export function digestOf(chunks: Iterable<Buffer>): string {
  const hash: Hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  return hash.digest('hex')
}
