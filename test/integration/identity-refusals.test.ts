import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import tls, { type TLSSocket } from 'node:tls'
import type { SocketAddress, WorkloadCertificate } from '../../proxies/config/process.ts'
import { HBONE_PORT } from '../../proxies/hbone/settings.ts'
import { startAmbientPair } from '../support/ambient-pair.ts'
import {
  createTestAuthority,
  type IssueOptions,
  type TestAuthority,
} from '../support/certificates.ts'
import { type HttpApp, startHttpApp } from '../support/http-app.ts'
import type { ProxyProcess } from '../support/proxy-process.ts'
import { exchangeRaw } from '../support/raw-client.ts'
import { CLIENT_ID, listenLocal, SERVER_ID, startSidecarPair } from '../support/sidecar-pair.ts'
import { startWaypointPath } from '../support/waypoint-path.ts'

const HOUR_MS = 3_600_000
const SECRET = 'a-body-that-must-not-be-readable'
const REQUEST = `POST /echo HTTP/1.1\r\nHost: server\r\nConnection: close\r\nContent-Length: ${SECRET.length}\r\n\r\n${SECRET}`
const HOSTILE_PORT = 25_008

interface Case {
  /** The code that the log line of the side that refuses has. */
  readonly code: string
  readonly reason: RegExp
  readonly options?: IssueOptions
  readonly stranger?: true
}

const expired = { notBeforeMs: Date.now() - 2 * HOUR_MS, notAfterMs: Date.now() - HOUR_MS }
const early = { notBeforeMs: Date.now() + HOUR_MS, notAfterMs: Date.now() + 2 * HOUR_MS }
const common: Readonly<Record<string, Case>> = {
  'that has expired': { code: 'PEER_UNTRUSTED', reason: /CERT_HAS_EXPIRED/, options: expired },
  'that is not valid yet': {
    code: 'PEER_UNTRUSTED',
    reason: /CERT_NOT_YET_VALID/,
    options: early,
  },
  'of another authority': {
    code: 'PEER_UNTRUSTED',
    reason: /UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)/,
    stranger: true,
  },
  'without a URI name': {
    code: 'PEER_IDENTITY',
    reason: /names no SPIFFE workload|nobody/,
    options: { uris: [] },
  },
}
/** What a server has against a client. */
const clients: Readonly<Record<string, Case>> = {
  ...common,
  'of another trust domain': {
    code: 'PEER_TRUST_DOMAIN',
    reason: /outside the trust domain cluster\.local/,
    options: { uris: ['spiffe://other.example/ns/shop/sa/client'] },
  },
  'for servers only': {
    code: 'PEER_UNTRUSTED',
    reason: /INVALID_PURPOSE/,
    options: { usages: ['server'] },
  },
}
/** What a client has against a server. */
const servers: Readonly<Record<string, Case>> = {
  ...common,
  'of another trust domain': {
    code: 'PEER_IDENTITY',
    reason: /server is spiffe:\/\/other\.example/,
    options: { uris: ['spiffe://other.example/ns/shop/sa/server'] },
  },
  'of somebody else': {
    code: 'PEER_IDENTITY',
    reason: /server is spiffe:\/\/cluster\.local\/ns\/shop\/sa\/impostor, expected/,
    options: { uris: ['spiffe://cluster.local/ns/shop/sa/impostor'] },
  },
  'for clients only': {
    code: 'PEER_UNTRUSTED',
    reason: /INVALID_PURPOSE/,
    options: { usages: ['client'] },
  },
}

function issue(
  authority: TestAuthority,
  stranger: TestAuthority,
  identity: string,
  { options, stranger: foreign }: Case,
): Promise<WorkloadCertificate> {
  const from = foreign ? stranger : authority
  return from.issue(identity, { ...options, rootsPem: authority.rootPem })
}

/** Resolves with the first line since `from` that has this code. */
async function lineWith(
  { child, stderr }: ProxyProcess,
  from: number,
  code: string,
): Promise<string> {
  for (;;) {
    const line = stderr()
      .slice(from)
      .split('\n')
      .slice(0, -1)
      .find((text) => text.includes(`code="${code}"`))
    if (line) return line
    await once(child.stderr as NodeJS.ReadableStream, 'data')
  }
}

let app: HttpApp
let stranger: TestAuthority
before(async () => {
  app = await startHttpApp()
  stranger = await createTestAuthority('stranger')
})
after(() => app?.close())

interface Server {
  readonly proxy: ProxyProcess
  readonly door: SocketAddress
  readonly alpn: readonly string[]
  readonly authority: TestAuthority
  stop(): Promise<void>
}

const serverSides: Readonly<Record<string, () => Promise<Server>>> = {
  'a sidecar': async () => {
    const pair = await startSidecarPair({ app: app.address, mtlsMode: 'STRICT' })
    const { authority, server: proxy, inbound: door, stop } = pair
    return { proxy, door, alpn: ['istio', 'http/1.1'], authority, stop }
  },
  'a ztunnel': async () => {
    const {
      authority,
      destination: proxy,
      stop,
    } = await startAmbientPair(235, { app: app.address })
    const door = { host: '127.235.1.2', port: HBONE_PORT }
    return { proxy, door, alpn: ['h2'], authority, stop }
  },
  'a waypoint': async () => {
    const { authority, waypoint: proxy, gateway: door, stop } = await startWaypointPath(app.address)
    return { proxy, door, alpn: ['h2'], authority, stop }
  },
}

/** Bytes that a client got before it was closed, and why it was. */
function bytesUntilClose(socket: TLSSocket): Promise<number> {
  return new Promise((resolve) => {
    let bytes = 0
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    socket.on('error', () => {}).on('close', () => resolve(bytes))
    socket.write(REQUEST)
  })
}

for (const [who, start] of Object.entries(serverSides)) {
  describe(`${who} refuses a client`, () => {
    let side: Server
    before(async () => {
      side = await start()
    })
    after(() => side?.stop())

    const knock = (certificate?: WorkloadCertificate): Promise<number> =>
      bytesUntilClose(
        tls.connect({
          host: side.door.host,
          port: side.door.port,
          ALPNProtocols: [...side.alpn],
          rejectUnauthorized: false,
          ...(certificate
            ? { cert: certificate.certChainPem, key: certificate.privateKeyPem }
            : {}),
        }),
      )

    for (const [what, wrong] of Object.entries(clients)) {
      test(`with a certificate ${what}`, async () => {
        const from = side.proxy.stderr().length
        assert.equal(await knock(await issue(side.authority, stranger, CLIENT_ID, wrong)), 0)
        assert.match(await lineWith(side.proxy, from, wrong.code), wrong.reason)
        assert.equal(app.requests.length, 0)
      })
    }

    test('without a certificate', async () => {
      const from = side.proxy.stderr().length
      assert.equal(await knock(), 0)
      const line = await lineWith(side.proxy, from, 'PEER_NO_CERTIFICATE')
      assert.match(line, /the client sent no certificate/)
    })
  })
}

interface Client {
  readonly proxy: ProxyProcess
  readonly authority: TestAuthority
  /** Sends SECRET, to a server that it must not trust. */
  send(): Promise<void>
  stop(): Promise<void>
}

const clientSides: Readonly<Record<string, (impostor: Impostor) => Promise<Client>>> = {
  'a sidecar': async (impostor) => {
    const pair = await startSidecarPair({
      app: app.address,
      via: () => impostor.listen('127.0.0.1', 0),
    })
    return {
      proxy: pair.client,
      authority: pair.authority,
      send: async () => assert.match(await exchangeRaw(pair.address, REQUEST), /^HTTP\/1\.1 503 /),
      stop: pair.stop,
    }
  },
  'a ztunnel': async (impostor) => {
    const pair = await startAmbientPair(236, { app: app.address, hbonePort: HOSTILE_PORT })
    await impostor.listen('127.236.1.2', HOSTILE_PORT)
    return {
      proxy: pair.source,
      authority: pair.authority,
      send: async () => assert.equal(await exchangeRaw(pair.capture, REQUEST), ''),
      stop: pair.stop,
    }
  },
  'a waypoint': async (impostor) => {
    const path = await startWaypointPath(app.address)
    const { port } = await impostor.listen('127.78.1.2', 0)
    await path.changeEndpoints((server) => [{ ...server, hbonePort: port }])
    return {
      proxy: path.waypoint,
      authority: path.authority,
      send: async () => assert.match(await exchangeRaw(path.address, REQUEST), /^HTTP\/1\.1 503 /),
      stop: path.stop,
    }
  },
}

/** Answers TLS with whatever certificate it is given, and keeps what it could read. */
interface Impostor {
  readonly seen: readonly Buffer[]
  listen(host: string, port: number): Promise<SocketAddress>
  show(certificate: WorkloadCertificate): void
  close(): void
}

function createImpostor(): Impostor {
  const seen: Buffer[] = []
  const sockets = new Set<Socket>()
  const server = tls.createServer(
    { requestCert: true, rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] },
    (socket) => {
      socket.on('data', (chunk) => seen.push(chunk)).on('error', () => {})
    },
  )
  server.on('tlsClientError', () => {})
  const door = net.createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    server.emit('connection', socket)
  })
  return {
    seen,
    listen: async (host, port) => {
      if (host === '127.0.0.1') return listenLocal(door)
      door.listen(port, host)
      await once(door, 'listening')
      return { host, port: (door.address() as AddressInfo).port }
    },
    show: ({ certChainPem, privateKeyPem }) =>
      server.setSecureContext({ cert: certChainPem, key: privateKeyPem }),
    close: () => {
      door.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

for (const [who, start] of Object.entries(clientSides)) {
  describe(`${who} refuses a server`, () => {
    const impostor = createImpostor()
    let side: Client
    before(async () => {
      side = await start(impostor)
    })
    after(async () => {
      impostor.close()
      await side?.stop()
    })

    for (const [what, wrong] of Object.entries(servers)) {
      test(`with a certificate ${what}`, async () => {
        impostor.show(await issue(side.authority, stranger, SERVER_ID, wrong))
        const from = side.proxy.stderr().length
        await side.send()
        assert.match(await lineWith(side.proxy, from, wrong.code), wrong.reason)
        assert.ok(!Buffer.concat(impostor.seen).includes(SECRET), 'nothing was sent to it')
      })
    }
  })
}
