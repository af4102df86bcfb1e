import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request } from '../contract/requests.ts'
import { behaviours, startHostileServer } from '../support/hostile-hbone.ts'
import { startHttpApp } from '../support/http-app.ts'
import { SERVER_ID } from '../support/sidecar-pair.ts'
import { SERVER_IP, startWaypointPath } from '../support/waypoint-path.ts'

const endsStreams: readonly (keyof typeof behaviours)[] = [
  'resets every stream after its 200',
  'refuses every stream',
]

for (const name of endsStreams) {
  test(`a server that ${name}: requests get their 503 instead of waiting`, async (t) => {
    const app = await startHttpApp()
    t.after(() => app.close())
    const path = await startWaypointPath(app.address)
    t.after(() => path.stop())
    const certificate = await path.authority.issue(SERVER_ID)
    const hostile = await startHostileServer(certificate, () => behaviours[name], SERVER_IP)
    t.after(() => hostile.close())
    await path.changeEndpoints((server) => [{ ...server, hbonePort: hostile.address.port }])
    const { host, port } = path.address
    const asked = Array.from({ length: 20 }, () => request({ host, port }, '/'))
    const statuses = (await Promise.all(asked)).map(({ status }) => status)
    assert.deepEqual(statuses, Array(20).fill(503))
    await path.changeEndpoints((server) => [server])
    assert.equal((await request({ host, port }, '/')).status, 200)
  })
}
