import { once } from 'node:events'
import { createSecureServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { SocketAddress } from '../../proxies/config/process.ts'
import type { TestAuthority } from './certificates.ts'

export const CERTIFICATE_PATH = '/istio.v1.auth.IstioCertificateService/CreateCertificate'
export const CERTIFICATE_HOST = 'istiod.istio-system.svc'

/** Istio's certificate authority as far as a ztunnel asks it: gRPC over TLS, one method. */
export async function startCertificateService(
  authority: TestAuthority,
  host: string,
): Promise<{ readonly address: SocketAddress; readonly asked: readonly string[]; close(): void }> {
  const own = await authority.issue('spiffe://cluster.local/ns/istio-system/sa/istiod', {
    dnsNames: [CERTIFICATE_HOST],
  })
  const server = createSecureServer({ cert: own.certChainPem, key: own.privateKeyPem })
  const asked: string[] = []
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    asked.push(headers[':path'] ?? '')
    answer(stream, authority).catch((error: unknown) => stream.destroy(error as Error))
  })
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { address: { host, port }, asked, close: () => server.close() }
}

async function answer(stream: ServerHttp2Stream, authority: TestAuthority): Promise<void> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part as Buffer)
  const leaf = await authority.sign(readString(Buffer.concat(parts).subarray(5)))
  // `cert_chain`: the leaf first, the root last.
  const message = Buffer.concat([stringField(leaf), stringField(authority.rootPem)])
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(grpcMessage(message))
}

export function grpcMessage(message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

/** Field 1 of a protobuf message as text. */
export function stringField(text: string): Buffer {
  const bytes = Buffer.from(text)
  const length: number[] = []
  let rest = bytes.length
  for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128)
  return Buffer.concat([Buffer.from([0x0a, ...length, rest]), bytes])
}

/** All of field 1, whatever other fields there are, one after the other. */
export function readStrings(message: Buffer): string[] {
  const texts: string[] = []
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = message[at] ?? 0
      at += 1
      value += (byte & 127) * 2 ** shift
      if (byte < 128) return value
    }
  }
  while (at < message.length) {
    const tag = varint()
    if ((tag & 7) === 0) varint()
    else {
      const length = varint()
      if (tag === 0x0a) texts.push(message.toString('utf8', at, at + length))
      at += length
    }
  }
  return texts
}

function readString(message: Buffer): string {
  return readStrings(message)[0] ?? ''
}
