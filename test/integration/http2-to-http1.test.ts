import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import net from 'node:net'
import { test } from 'node:test'
import type { AppProtocol } from '../../proxies/config/mesh-state.ts'
import type { SocketAddress } from '../../proxies/config/process.ts'
import { sumOf } from '../contract/path.ts'
import { listenLocal, startSidecarPair } from '../support/sidecar-pair.ts'
import { startWaypointPath } from '../support/waypoint-path.ts'

const paths = {
  'a sidecar': async (app: SocketAddress, protocol: AppProtocol) => {
    const pair = await startSidecarPair({ app, protocol })
    return { ...pair, proxies: [pair.client, pair.server] }
  },
  'a waypoint': async (app: SocketAddress, protocol: AppProtocol) => {
    const path = await startWaypointPath(app, protocol)
    return { ...path, proxies: [path.waypoint] }
  },
}

interface Outcome {
  readonly create: () => net.Server
  readonly status: number
  readonly reason: string
  readonly flags: string
}

/** What applications without HTTP/2 do with its preface. */
const applications: Readonly<Record<string, Outcome>> = {
  "node's own HTTP/1.1 server, which refuses and closes": {
    create: () => http.createServer((_request, response) => response.end('one')),
    status: 502,
    reason: 'protocol error',
    flags: 'UPE',
  },
  'a server that refuses in HTTP/1.1 and keeps the connection': {
    create: () => answering((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
    status: 502,
    reason: 'protocol error',
    flags: 'UPE',
  },
  'a server that closes without a word': {
    create: () => answering((socket) => socket.destroy()),
    status: 503,
    reason: 'remote connection failure',
    flags: 'UF',
  },
}

function answering(answer: (socket: net.Socket) => void): net.Server {
  return net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => answer(socket))
  })
}

/** A client's HTTP/2 stays HTTP/2 on the way, whatever a service of protocol `http` may speak. */
for (const [who, start] of Object.entries(paths)) {
  for (const [what, { create, status, reason, flags }] of Object.entries(applications)) {
    for (const protocol of ['http', 'http2'] as const) {
      test(`${who} says ${status} at once when ${what} gets HTTP/2, protocol ${protocol}`, async (t) => {
        const app = create()
        const open = new Set<net.Socket>()
        app.on('connection', (socket) => open.add(socket))
        const path = await start(await listenLocal(app), protocol)
        t.after(async () => {
          await path.stop()
          app.close()
          for (const socket of open) socket.destroy()
        })
        const client = http2.connect(`http://${path.address.host}:${path.address.port}`)
        t.after(() => client.destroy())
        client.on('error', () => {})
        const signal = AbortSignal.timeout(10_000)
        const stream = client.request({ ':path': '/' })
        const [headers] = await once(stream, 'response', { signal })
        let body = ''
        for await (const chunk of stream) body += chunk
        assert.equal(headers[':status'], status)
        assert.ok(body.endsWith(`reset reason: ${reason}`), body)
        const counted = await Promise.all(
          [flags, `${flags},URX`].map((response_flags) =>
            sumOf(path, 'istio_requests_total', { response_flags }),
          ),
        )
        assert.ok(
          counted.some((count) => count > 0),
          `counted with ${flags}`,
        )
        // A closed connection is tried again, the two times that Istio does; never without end.
        assert.ok(open.size <= 9, `${open.size} connections to the application`)
      })
    }
  }
}
