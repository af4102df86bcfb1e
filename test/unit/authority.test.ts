import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { type Authority, createAuthority } from '../../cluster/ca/authority.ts'

const IDENTITY = 'spiffe://cluster.local/ns/shop/sa/cart'
let authority: Authority

before(async () => {
  authority = await createAuthority({ trustDomain: 'cluster.local' })
})

test('a workload certificate is a valid SVID: one critical URI name, empty subject, no CA', async () => {
  const issued = await authority.issueWorkload(IDENTITY)
  const leaf = new X509Certificate(issued.certChainPem)
  const root = new X509Certificate(authority.rootPem)
  assert.equal(leaf.subjectAltName, `URI:${IDENTITY}`)
  assert.equal(leaf.subject, undefined)
  assert.equal(leaf.ca, false)
  assert.deepEqual([...leaf.keyUsage].sort(), ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1')
  assert.equal(root.ca, true)
  assert.ok(leaf.checkIssued(root))
  assert.ok(leaf.verify(root.publicKey))
  assert.equal(issued.rootsPem, authority.rootPem)
  const criticalSan = Buffer.from('0603551d110101ff', 'hex')
  const criticalKeyUsage = Buffer.from('0603551d0f0101ff', 'hex')
  assert.ok(leaf.raw.includes(criticalSan))
  assert.ok(leaf.raw.includes(criticalKeyUsage))
})

test('validity is what was asked for, and what the certificate says', async () => {
  const notBeforeMs = Date.UTC(2026, 0, 1)
  const issued = await authority.issueWorkload(IDENTITY, { notBeforeMs, lifetimeMs: 60_000 })
  const leaf = new X509Certificate(issued.certChainPem)
  assert.deepEqual([issued.notBeforeMs, issued.notAfterMs], [notBeforeMs, notBeforeMs + 60_000])
  assert.equal(Date.parse(leaf.validFrom), notBeforeMs)
  assert.equal(Date.parse(leaf.validTo), notBeforeMs + 60_000)
})

test('a fresh certificate lasts a day from now and is valid at once', async () => {
  const issued = await authority.issueWorkload(IDENTITY)
  const dayMs = 24 * 60 * 60 * 1000
  assert.ok(Math.abs(issued.notAfterMs - Date.now() - dayMs) < 60_000)
  assert.ok(issued.notBeforeMs < Date.now())
})

test('an identity of another trust domain, or none, is refused', async () => {
  for (const identity of [
    'spiffe://other/ns/a/sa/b',
    'spiffe://cluster.local/ns/a',
    'spiffe://cluster.local/ns//sa/b',
    'https://cluster.local/ns/a/sa/b',
  ]) {
    await assert.rejects(authority.issueWorkload(identity), { code: 'CA_IDENTITY' }, identity)
  }
})

test('two workloads finish a TLS 1.3 handshake in which both prove their identity', async () => {
  const server = await authority.issueWorkload('spiffe://cluster.local/ns/shop/sa/server')
  const client = await authority.issueWorkload(IDENTITY)
  const names: (string | undefined)[] = []
  const listener = createServer(
    {
      key: server.privateKeyPem,
      cert: server.certChainPem,
      ca: server.rootsPem,
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: 'TLSv1.3',
    },
    (socket: TLSSocket) => {
      names.push(socket.getPeerX509Certificate()?.subjectAltName)
      socket.end()
    },
  )
  after(() => listener.close())
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const socket = connect({
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    key: client.privateKeyPem,
    cert: client.certChainPem,
    ca: client.rootsPem,
    checkServerIdentity: (_, { subjectaltname }) => {
      names.push(subjectaltname)
      return undefined
    },
  })
  socket.resume()
  await once(socket, 'close')
  assert.equal(socket.authorized, true)
  assert.deepEqual(names.sort(), [
    `URI:${IDENTITY}`,
    'URI:spiffe://cluster.local/ns/shop/sa/server',
  ])
})

test('a serving certificate is good for its names and addresses only', async () => {
  const issued = await authority.issueServing({
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
  })
  const leaf = new X509Certificate(issued.certChainPem)
  assert.equal(leaf.checkHost('localhost'), 'localhost')
  assert.equal(leaf.checkIP('127.0.0.1'), '127.0.0.1')
  assert.equal(leaf.checkHost('example.com'), undefined)
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'])
})
