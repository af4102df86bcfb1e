import 'reflect-metadata'
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import * as x509 from '@peculiar/x509'
import type { MeshState } from '../../proxies/config/mesh-state.ts'
import { HBONE_PORT } from '../../proxies/hbone/settings.ts'
import {
  CERTIFICATE_HOST,
  CERTIFICATE_PATH,
  grpcMessage,
  readStrings,
  startCertificateService,
  stringField,
} from '../support/certificate-service.ts'
import { createTestAuthority, type TestAuthority } from '../support/certificates.ts'
import { bindSocket, type ProxyProcess, startProxy } from '../support/proxy-process.ts'
import { listenLocal } from '../support/sidecar-pair.ts'

const OURS = 'spiffe://cluster.local/ns/shop/sa/ours'
const THEIRS = 'spiffe://cluster.local/ns/shop/sa/theirs'

test('the certificate service signs what a ztunnel asks for', async (t) => {
  const authority = await createTestAuthority()
  const service = await startCertificateService(authority, '127.0.0.1')
  t.after(() => service.close())
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    keys: keys as webcrypto.CryptoKeyPair,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: THEIRS }])],
  })
  const { host, port } = service.address
  const session = connectHttp2(`https://${host}:${port}`, {
    ca: authority.rootPem,
    servername: CERTIFICATE_HOST,
  })
  const stream = session.request({
    ':method': 'POST',
    ':path': CERTIFICATE_PATH,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  stream.end(grpcMessage(stringField(csr.toString('pem'))))
  const parts: Buffer[] = []
  const trailers = once(stream, 'trailers')
  stream.on('data', (part: Buffer) => parts.push(part))
  assert.equal((await trailers)[0]['grpc-status'], '0')
  session.destroy()
  const [leaf = '', root] = readStrings(Buffer.concat(parts).subarray(5))
  assert.equal(root, authority.rootPem)
  const issued = new x509.X509Certificate(leaf)
  const names = issued.getExtension(x509.SubjectAlternativeNameExtension)
  assert.deepEqual(names?.names.toJSON(), [{ type: 'url', value: THEIRS }])
  assert.ok(await issued.verify({ publicKey: new x509.X509Certificate(root ?? '').publicKey }))
})

const binary = process.env.MESHBENCH_REAL_ZTUNNEL
/** Its ports are fixed, so it gets a network namespace of its own. */
const skip = !binary
  ? 'MESHBENCH_REAL_ZTUNNEL names no ztunnel'
  : process.platform !== 'linux' || process.getuid?.() !== 0
    ? 'needs Linux and root, for a network namespace'
    : false

const NAMESPACE = `meshbench-${process.pid}`
const OUR_IP = '10.213.77.1'
const THEIR_IP = '10.213.77.2'
const APP_PORT = 8_080

const ip = (...words: string[]): void => void execFileSync('ip', words)
const inside = (command: string, words: readonly string[], env: NodeJS.ProcessEnv = process.env) =>
  spawn('ip', ['netns', 'exec', NAMESPACE, command, ...words], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env,
  })

const state: MeshState = {
  workloads: ['ours', 'theirs'].map((name) => ({
    uid: `Kubernetes//Pod/shop/${name}`,
    name,
    namespace: 'shop',
    serviceAccount: name,
    trustDomain: 'cluster.local',
    workloadIps: [name === 'ours' ? OUR_IP : THEIR_IP],
    protocol: 'HBONE',
    services: {},
  })),
  services: [],
  policies: [],
}

const ECHO = `require('net').createServer((s) => s.on('error', () => {}).pipe(s)).listen(${APP_PORT}, '${THEIR_IP}')`

/** Says through the SOCKS5 port of the ztunnel beside it where to go, sends a word, prints the answer. */
const ASK = `
const socket = require('net').connect(15080, '127.0.0.1')
const [host, port, word] = process.argv.slice(1)
const target = Buffer.from([5, 1, 0, 1, ...host.split('.').map(Number), port >> 8, port & 255])
socket.write(Buffer.from([5, 1, 0]))
socket.once('data', () => {
  socket.write(target)
  socket.once('data', (reply) => {
    if (reply[1] !== 0) process.exit(3)
    socket.write(word)
    socket.once('data', (bytes) => { process.exit(String(bytes) === word ? 0 : 4) })
  })
})
socket.on('error', () => process.exit(5)).on('close', () => process.exit(6))
`

/** 15 s for the other ztunnel to get its certificate and listen. */
async function echoed(word: string): Promise<void> {
  const deadlineMs = Date.now() + 15_000
  for (;;) {
    const bytes = await new Promise<string>((resolve) => {
      const socket: Socket = connect({ host: '127.244.128.1', port: APP_PORT })
      socket.on('error', () => {}).on('close', () => resolve(''))
      socket.once('data', (chunk) => {
        resolve(String(chunk))
        socket.destroy()
      })
      socket.write(word)
    })
    if (bytes === word) return
    assert.ok(Date.now() < deadlineMs, 'no echo in 15 s')
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

describe("HBONE with Istio's own ztunnel", { skip }, () => {
  const children: ChildProcess[] = []
  const app = createServer((socket) => socket.on('error', () => {}).pipe(socket))
  let folder: string
  let authority: TestAuthority
  let ours: ProxyProcess
  let closeService = (): void => {}

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'real-ztunnel-'))
    authority = await createTestAuthority()
    ip('netns', 'add', NAMESPACE)
    ip('link', 'add', 'mb-host', 'type', 'veth', 'peer', 'name', 'mb-pod', 'netns', NAMESPACE)
    ip('addr', 'add', `${OUR_IP}/30`, 'dev', 'mb-host')
    ip('link', 'set', 'mb-host', 'up')
    for (const words of [
      ['addr', 'add', `${THEIR_IP}/30`, 'dev', 'mb-pod'],
      ['link', 'set', 'mb-pod', 'up'],
      ['link', 'set', 'lo', 'up'],
    ]) {
      ip('-n', NAMESPACE, ...words)
    }
    const service = await startCertificateService(authority, OUR_IP)
    closeService = service.close
    await writeFile(join(folder, 'root.pem'), authority.rootPem)
    // JSON is YAML; ztunnel takes just the keys it knows.
    await writeFile(join(folder, 'mesh.yaml'), JSON.stringify(state))
    children.push(inside(process.execPath, ['-e', ECHO]))
    children.push(
      inside(binary ?? '', [], {
        ...process.env,
        PROXY_MODE: 'dedicated',
        PROXY_WORKLOAD_INFO: 'shop/theirs/theirs',
        XDS_ADDRESS: '',
        LOCAL_XDS_PATH: join(folder, 'mesh.yaml'),
        CA_ADDRESS: `https://${OUR_IP}:${service.address.port}`,
        CA_ROOT_CA: join(folder, 'root.pem'),
        ALT_CA_HOSTNAME: CERTIFICATE_HOST,
        AUTH_TOKEN: '',
        ENABLE_ORIG_SRC: 'false',
        IPV6_ENABLED: 'false',
        ISTIO_META_DNS_CAPTURE: 'false',
        UNSTABLE_ENABLE_SOCKS5: 'true',
      }),
    )
    ours = await startProxy('ztunnel')
    const uid = 'Kubernetes//Pod/shop/ours'
    const appPorts = { [APP_PORT]: await listenLocal(app) }
    await ours.configure({
      version: 1,
      trustDomain: 'cluster.local',
      node: 'a',
      pod: { name: 'ztunnel', namespace: 'istio-system', ip: OUR_IP },
      state,
      local: [{ uid, identity: OURS, appPorts, mtlsMode: 'STRICT' }],
      certificates: [await authority.issue(OURS)],
    })
    const originalDestination = { host: THEIR_IP, port: APP_PORT }
    const outbound = { id: 'out', kind: 'outbound', workloadUid: uid, originalDestination } as const
    await ours.listen(outbound, bindSocket('127.244.128.1', APP_PORT))
    await ours.listen({ id: 'in', kind: 'hbone', workloadUid: uid }, bindSocket(OUR_IP, HBONE_PORT))
  })
  after(async () => {
    for (const child of children) child.kill('SIGKILL')
    await ours?.stop()
    closeService()
    app.close()
    ip('netns', 'del', NAMESPACE)
    await rm(folder, { recursive: true })
  })

  test('ours is its client', () => echoed('hello'))

  test('ours is its server, and policy knows it by its certificate', async () => {
    await echoed('ready')
    const asking = inside(process.execPath, ['-e', ASK, OUR_IP, String(APP_PORT), 'word'])
    assert.deepEqual(await once(asking, 'exit'), [0, null])
    const opened = (await ours.metrics()).filter(
      ({ name, labels }) =>
        name === 'istio_tcp_connections_opened_total' && labels.reporter === 'destination',
    )
    assert.equal(opened[0]?.labels.source_principal, THEIRS)
    assert.equal(opened[0]?.labels.connection_security_policy, 'mutual_tls')
  })
})
