import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { createServer, type Server, type Socket } from 'node:net'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { AuthorizationPolicy, PolicyMatch } from '../../proxies/config/mesh-state.ts'
import { HBONE_PORT } from '../../proxies/hbone/settings.ts'
import { createCredential } from '../../proxies/identity/certificates.ts'
import { connectMtls } from '../../proxies/identity/client.ts'
import { type AmbientPair, startAmbientPair } from '../support/ambient-pair.ts'

const CLIENT = 'spiffe://cluster.local/ns/shop/sa/client'
const SERVER = 'spiffe://cluster.local/ns/shop/sa/server'

let pair: AmbientPair
let app: Server
let podIp: string
let session: ClientHttp2Session
let onApp: (socket: Socket) => void

/** The test is the HBONE client: what the ztunnel of the server's node answers is judged. */
before(async () => {
  pair = await startAmbientPair(231, { env: { CONNECTION_TERMINATION_DEADLINE: '20s' } })
  podIp = pair.server.workloadIps[0] as string
  app = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    onApp(socket)
  }).listen(pair.app)
  await once(app, 'listening')
  session = await openTunnel()
})
after(async () => {
  session.destroy()
  await pair.stop()
  app.close()
})
beforeEach(() => {
  onApp = (socket) => socket.pipe(socket)
})

async function openTunnel(): Promise<ClientHttp2Session> {
  const socket = await connectMtls({
    address: { host: podIp, port: HBONE_PORT },
    credential: createCredential(await pair.authority.issue(CLIENT)),
    expectedIdentities: [SERVER],
    alpn: ['h2'],
    localAddress: pair.client.workloadIps[0] as string,
  })
  socket.allowHalfOpen = false
  const opened = connectHttp2('https://hbone', { createConnection: () => socket })
  return opened.on('error', () => {})
}

interface Answer {
  readonly stream: ClientHttp2Stream
  readonly headers: IncomingHttpHeaders & { readonly ':status'?: number }
  readonly ended: boolean
}

async function ask(headers: OutgoingHttpHeaders): Promise<Answer> {
  const stream = session.request(headers, { endStream: false })
  stream.on('error', () => {})
  const [answer, flags] = await once(stream, 'response')
  return { stream, headers: answer, ended: (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0 }
}

const open = (authority: string, more: OutgoingHttpHeaders = {}): Promise<Answer> =>
  ask({ ':method': 'CONNECT', ':authority': authority, ...more })

function policy(action: 'Allow' | 'Deny', match: PolicyMatch): AuthorizationPolicy {
  return { name: 'only', namespace: 'shop', scope: 'Namespace', action, rules: [[[match]]] }
}

async function echoes({ stream }: Answer, message: string): Promise<void> {
  stream.write(message)
  assert.equal(String((await once(stream, 'data'))[0]), message)
  stream.destroy()
}

describe('a ztunnel as HBONE server', () => {
  const refusals: readonly [string, string, number][] = [
    ['no authority with a port', 'somewhere', 400],
    ['port 0', '127.231.1.2:0', 400],
    ['the address of another pod', '127.231.1.1:8080', 400],
    ['an unknown host name', 'nobody.shop.svc.cluster.local:8000', 503],
    ['a known host name and an unknown port', 'server.shop.svc.cluster.local:8001', 503],
    ['a port that is none of the pod', '127.231.1.2:9999', 503],
  ]
  for (const [what, authority, status] of refusals) {
    test(`K14: ${what} is answered with ${status} and the end of the stream, without baggage`, async () => {
      const { headers, ended } = await open(authority)
      assert.equal(headers[':status'], status)
      assert.equal(ended, true)
      assert.equal(headers.baggage, undefined)
    })
  }

  for (const port of [15_001, 15_006, 15_008]) {
    test(`K25: a tunnel to the mesh's own port ${port} is answered with 503`, async () => {
      const { headers, ended } = await open(`${podIp}:${port}`)
      assert.deepEqual([headers[':status'], ended], [503, true])
      await pair.destination.logged(new RegExp(`recursive call to ourselves on port ${port}`))
    })
  }

  // Nothing of the pod's own listens there: no tunnel leads to the ports of its proxy.
  for (const port of [15_000, 15_020, 15_021, 15_053, 15_080, 15_090]) {
    test(`K25: a tunnel to port ${port} of the pod leads nowhere: 503`, async () => {
      const { headers, ended } = await open(`${podIp}:${port}`)
      assert.deepEqual([headers[':status'], ended], [503, true])
    })
  }

  for (const port of [15_000, 15_001, 15_006, 15_008, 15_020, 15_021, 15_080]) {
    test(`K25: a tunnel to port ${port} of localhost is answered with 400`, async () => {
      const { headers, ended } = await open(`127.0.0.1:${port}`)
      assert.deepEqual([headers[':status'], ended], [400, true])
    })
  }

  test('K14: a method other than CONNECT is answered with 400', async () => {
    const { headers, ended } = await ask({ ':method': 'GET', ':path': '/', ':scheme': 'https' })
    assert.deepEqual([headers[':status'], ended], [400, true])
    await pair.destination.logged(/expected method CONNECT, got GET/)
  })

  test('K15: the 200 tells who the destination is, and nothing else', async () => {
    const { headers, ended, stream } = await open(`${podIp}:8080`)
    const { ':status': status, baggage, ...rest } = headers
    assert.deepEqual([status, Object.keys(rest)], [200, []])
    const expected = [
      'k8s.cluster.name=Kubernetes',
      'k8s.namespace.name=shop',
      'k8s.deployment.name=server',
      'service.name=server',
      'service.version=v1',
    ]
    assert.equal(baggage, expected.join(','))
    assert.equal(ended, false)
    stream.destroy()
  })

  test('K14: the 200 comes once the application accepts; one that does not listen gives 503', async () => {
    let accepted = false
    onApp = (socket) => {
      accepted = true
      socket.pipe(socket)
    }
    const good = await open(`${podIp}:8080`)
    assert.equal(good.headers[':status'], 200)
    await echoes(good, 'there')
    assert.equal(accepted, true)
    await new Promise((resolve) => app.close(resolve))
    try {
      const { headers, ended } = await open(`${podIp}:8080`)
      assert.deepEqual([headers[':status'], ended, headers.baggage], [503, true, undefined])
    } finally {
      app.listen(pair.app)
      await once(app, 'listening')
    }
  })

  test('K14: what policy denies is answered with 401', async () => {
    const principals = [{ Exact: 'cluster.local/ns/shop/sa/client' }]
    await pair.update({ state: { policies: [policy('Deny', { principals })] } })
    const { headers, ended } = await open(`${podIp}:8080`)
    assert.deepEqual([headers[':status'], ended, headers.baggage], [401, true, undefined])
    await pair.update({})
  })

  test('K17: whatever name the authority has, the own application is dialled', async () => {
    await echoes(await open('server.shop.svc.cluster.local:8000'), 'by name')
    await echoes(await open(`${podIp}:8080`), 'by address')
  })

  test('K18: after END_STREAM the rest of the answer still flows, and the other way round', async () => {
    onApp = (socket) => {
      socket.once('end', () => socket.end('answer')).resume()
    }
    const asked = await open(`${podIp}:8080`)
    asked.stream.end('question')
    assert.equal(String((await once(asked.stream, 'data'))[0]), 'answer')

    const heard = new Promise<string>((resolve) => {
      onApp = (socket) => {
        socket.end('first')
        socket.on('data', (chunk) => resolve(String(chunk)))
      }
    })
    const { stream } = await open(`${podIp}:8080`)
    const ended = once(stream, 'end')
    stream.resume()
    await ended
    stream.write('late')
    assert.equal(await heard, 'late')
    stream.destroy()
  })

  for (const [name, code] of [
    ['CANCEL', constants.NGHTTP2_CANCEL],
    ['NO_ERROR', constants.NGHTTP2_NO_ERROR],
  ] as const) {
    test(`K19: a stream reset with ${name} reaches the application as an ordinary end`, async () => {
      const over = new Promise<string>((resolve) => {
        onApp = (socket) => {
          socket.resume().once('end', () => resolve('end'))
          socket.once('error', (error) => resolve(error.message))
        }
      })
      const { stream } = await open(`${podIp}:8080`)
      stream.close(code)
      assert.equal(await over, 'end')
    })
  }

  test('K29: the source is the TCP peer and its certificate, whatever `forwarded` and baggage say', async () => {
    const lies = {
      forwarded: 'for="10.9.9.9:1";host=server.shop.svc.cluster.local',
      baggage: 'k8s.namespace.name=other,k8s.deployment.name=liar',
    }
    const sourceIps = (ip: string) => ({
      state: { policies: [policy('Allow', { sourceIps: [ip] })] },
    })
    await pair.update(sourceIps('10.9.9.9'))
    assert.equal((await open(`${podIp}:8080`, lies)).headers[':status'], 401)
    await pair.update(sourceIps('127.231.1.1'))
    await echoes(await open(`${podIp}:8080`, lies), 'honest')
    await pair.update({})
    const series = (await pair.destination.metrics()).find(
      ({ name, labels }) =>
        name === 'istio_tcp_connections_opened_total' && labels.destination_service !== 'unknown',
    )
    assert.equal(series?.labels.source_workload, 'client')
    assert.equal(series?.labels.source_principal, CLIENT)
    assert.equal(series?.labels.destination_service, 'server.shop.svc.cluster.local')
  })

  test('K36: at level debug a connection is logged when it opens, before it is complete', async () => {
    const { host, port } = pair.destination.admin.admin
    await fetch(`http://${host}:${port}/logging?level=debug&access=on`, { method: 'POST' })
    await echoes(await open(`${podIp}:8080`), 'seen')
    await pair.destination.logged(
      /debug\taccess\tconnection opened\tsrc\.addr=.*\n.*connection complete/,
    )
    await fetch(`http://${host}:${port}/logging?level=info&access=off`, { method: 'POST' })
  })

  test('K20: on SIGTERM it says GOAWAY, streams run on, and it leaves with the last of them', async () => {
    const { stream } = await open(`${podIp}:8080`)
    const goaway = once(session, 'goaway')
    const exited = once(pair.destination.child, 'exit')
    pair.destination.child.kill('SIGTERM')
    const [code] = await goaway
    assert.equal(code, constants.NGHTTP2_NO_ERROR)
    await echoes({ stream, headers: {}, ended: false }, 'still here')
    assert.deepEqual(await exited, [0, null])
  })
})
