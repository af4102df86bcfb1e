import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { ProxyError } from '../../proxies/errors.ts'
import { CertificateStore, createCredential } from '../../proxies/identity/certificates.ts'
import { connectMtls } from '../../proxies/identity/client.ts'
import { createMtlsAcceptor } from '../../proxies/identity/server.ts'
import {
  createTestAuthority,
  type IssueOptions,
  type TestAuthority,
} from '../support/certificates.ts'

const SERVER = 'spiffe://cluster.local/ns/shop/sa/server'
const CLIENT = 'spiffe://cluster.local/ns/shop/sa/client'
const HOUR_MS = 3_600_000

let authority: TestAuthority
const store = new CertificateStore()
let server: Server
const refused: ProxyError[] = []
const accepted: { socket: TLSSocket; peer: string }[] = []
let onRefused: () => void = () => {}

before(async () => {
  authority = await createTestAuthority()
  store.replace([await authority.issue(SERVER)])
  const accept = createMtlsAcceptor({
    store,
    identity: SERVER,
    alpn: ['h2'],
    onSecure: (socket, peer) => {
      accepted.push({ socket, peer })
      socket.on('error', () => {}).end('hello')
    },
    onRefused: (error) => {
      refused.push(error)
      onRefused()
    },
  })
  server = createServer({ allowHalfOpen: true }, accept).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
after(() => server.close())

function address(): { host: string; port: number } {
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

async function connectAs(identity: string, options?: IssueOptions, from = authority) {
  return connectMtls({
    address: address(),
    credential: createCredential(
      await from.issue(identity, { rootsPem: authority.rootPem, ...options }),
    ),
    expectedIdentities: [SERVER],
    alpn: ['h2'],
  })
}

/** In TLS 1.3 a client may be done before the server says no; its first read then fails or ends. */
async function refusal(connecting: Promise<TLSSocket>): Promise<ProxyError> {
  refused.length = 0
  const reported = new Promise<void>((resolve) => {
    onRefused = resolve
  })
  const bytes = await connecting.then(
    (socket) =>
      new Promise<number>((resolve) => {
        let count = 0
        socket.on('data', (chunk) => {
          count += chunk.length
        })
        socket.on('error', () => {})
        socket.on('close', () => resolve(count))
        socket.end()
      }),
    () => 0,
  )
  assert.equal(bytes, 0, 'a refused client must not read a byte')
  await reported
  return refused[0] as ProxyError
}

describe('mutual TLS', () => {
  test('both sides learn who the other is, over TLS 1.3 with an AES-GCM suite and no server name', async () => {
    const socket = await connectAs(CLIENT)
    const [greeting] = await once(socket, 'data')
    assert.equal(String(greeting), 'hello')
    assert.equal(socket.getPeerX509Certificate()?.subjectAltName, `URI:${SERVER}`)
    assert.equal(accepted.at(-1)?.peer, CLIENT)
    assert.equal(socket.getProtocol(), 'TLSv1.3')
    assert.match(socket.getCipher().name, /^TLS_AES_(128|256)_GCM/)
    assert.equal(socket.alpnProtocol, 'h2')
    const seen = accepted.at(-1)?.socket as { readonly servername?: string } | undefined
    assert.ok(!seen?.servername, 'no server name was sent')
    socket.destroy()
  })

  test('K13: a client without a certificate is refused', async () => {
    const plain = connectTls({
      ...address(),
      ca: authority.rootPem,
      ALPNProtocols: ['h2'],
      checkServerIdentity: () => undefined,
    })
    const error = await refusal(
      once(plain, 'secureConnect').then(
        () => plain,
        (cause) => Promise.reject(cause),
      ),
    )
    assert.equal(error.code, 'PEER_NO_CERTIFICATE')
  })

  const cases: readonly [string, string, string, IssueOptions?][] = [
    ['of another trust domain', 'PEER_TRUST_DOMAIN', 'spiffe://other.example/ns/shop/sa/client'],
    [
      'whose certificate has expired',
      'PEER_UNTRUSTED',
      CLIENT,
      { notBeforeMs: Date.now() - 2 * HOUR_MS, notAfterMs: Date.now() - HOUR_MS },
    ],
    [
      'whose certificate is not valid yet',
      'PEER_UNTRUSTED',
      CLIENT,
      { notBeforeMs: Date.now() + HOUR_MS, notAfterMs: Date.now() + 2 * HOUR_MS },
    ],
    [
      'whose certificate names no workload',
      'PEER_IDENTITY',
      CLIENT,
      { uris: ['https://example.com/'] },
    ],
    ['whose certificate has no URI name', 'PEER_IDENTITY', CLIENT, { uris: [] }],
    ['whose certificate is for servers only', 'PEER_UNTRUSTED', CLIENT, { usages: ['server'] }],
  ]
  for (const [who, code, identity, options] of cases) {
    test(`K13: a client ${who} is refused with ${code}`, async () => {
      assert.equal((await refusal(connectAs(identity, options))).code, code)
    })
  }

  test('K13: a client of another authority is refused', async () => {
    const stranger = await createTestAuthority('stranger')
    assert.equal((await refusal(connectAs(CLIENT, {}, stranger))).code, 'PEER_UNTRUSTED')
  })

  test('K13: a client that speaks no TLS at all is refused', async () => {
    refused.length = 0
    const reported = new Promise<void>((resolve) => {
      onRefused = resolve
    })
    const { connect } = await import('node:net')
    const socket = connect(address()).on('error', () => {})
    socket.write('GET / HTTP/1.1\r\n\r\n')
    await reported
    assert.equal(refused[0]?.code, 'TLS_HANDSHAKE')
    socket.destroy()
  })

  test('K2: a server other than the expected one is refused by the client', async () => {
    const credential = createCredential(await authority.issue(CLIENT))
    const to = (expectedIdentities: string[]) =>
      connectMtls({ address: address(), credential, expectedIdentities, alpn: ['h2'] })
    for (const expected of [[], [CLIENT], [`${SERVER}x`]]) {
      await assert.rejects(
        to(expected),
        (error) => error instanceof ProxyError && error.code === 'PEER_IDENTITY',
      )
    }
    ;(await to([CLIENT, SERVER])).destroy()
  })

  test('a new certificate is shown to the next connection', async () => {
    const serial = async (): Promise<string | undefined> => {
      const socket = await connectAs(CLIENT)
      const found = socket.getPeerX509Certificate()?.serialNumber
      socket.destroy()
      return found
    }
    const first = await serial()
    assert.equal(await serial(), first)
    store.replace([await authority.issue(SERVER)])
    assert.notEqual(await serial(), first)
  })
})
