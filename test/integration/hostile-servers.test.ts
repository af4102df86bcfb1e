import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SocketAddress } from '../../proxies/config/process.ts'
import { request } from '../contract/requests.ts'
import { behaviours, startHostileServer } from '../support/hostile-hbone.ts'
import { startHttpApp } from '../support/http-app.ts'
import * as sidecars from '../support/sidecar-pair.ts'
import * as waypoints from '../support/waypoint-path.ts'

const dialling = {
  'a sidecar': async (app: SocketAddress) => {
    const pair = await sidecars.startSidecarPair({ app })
    return { ...pair, serverIp: sidecars.SERVER_IP, changeEndpoints: pair.changeServer }
  },
  'a waypoint': async (app: SocketAddress) => {
    return { ...(await waypoints.startWaypointPath(app)), serverIp: waypoints.SERVER_IP }
  },
}
const endsStreams: readonly (keyof typeof behaviours)[] = [
  'resets every stream after its 200',
  'refuses every stream',
]

for (const [who, start] of Object.entries(dialling)) {
  for (const name of endsStreams) {
    test(`${who} whose server ${name} answers requests with 503 instead of letting them wait`, async (t) => {
      const app = await startHttpApp()
      t.after(() => app.close())
      const path = await start(app.address)
      t.after(() => path.stop())
      const certificate = await path.authority.issue(sidecars.SERVER_ID)
      const hostile = await startHostileServer(certificate, () => behaviours[name], path.serverIp)
      t.after(() => hostile.close())
      await path.changeEndpoints(({ tlsMode: _, ...server }) => [
        { ...server, protocol: 'HBONE', hbonePort: hostile.address.port },
      ])
      const { host, port } = path.address
      const asked = Array.from({ length: 20 }, () => request({ host, port }, '/'))
      const statuses = (await Promise.all(asked)).map(({ status }) => status)
      assert.deepEqual(statuses, Array(20).fill(503))
      assert.ok(hostile.accepted > 0, 'the hostile server was dialled')
      await path.changeEndpoints((server) => [server])
      assert.equal((await request({ host, port }, '/')).status, 200)
    })
  }
}
