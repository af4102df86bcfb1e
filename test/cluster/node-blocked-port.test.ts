import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { test } from 'node:test'
import { claimAddresses } from '../../cluster/agent/addresses.ts'

/** A program that listens on a free port of all addresses. */
async function stranger(t: { after(run: () => void): void }): Promise<number> {
  const server = createServer().listen(0, '0.0.0.0')
  await once(server, 'listening')
  t.after(() => void server.close())
  return (server.address() as AddressInfo).port
}

const linux = { skip: process.platform === 'linux' ? false : 'needs all of 127.0.0.0/8' }

test('a port somebody listens on everywhere makes pods share an address, and people hear of it', async (t) => {
  const port = await stranger(t)
  const notices: string[] = []
  const plan = await claimAddresses({
    ports: [port],
    onNotice: (notice) => notices.push(notice),
  })
  t.after(() => plan.close())
  assert.equal(plan.socket(plan.takePod().podIp, port).host, '127.0.0.1')
  if (process.platform !== 'linux') return
  assert.deepEqual(notices, [
    `port ${port} is taken on all addresses of this machine: pods share 127.0.0.1 and get other ports on it`,
  ])
})

test(
  'who insists on own addresses is told which port is taken, before anything runs',
  linux,
  async (t) => {
    const port = await stranger(t)
    await assert.rejects(claimAddresses({ addresses: 'own', ports: [port], onNotice: () => {} }), {
      code: 'SOCKET_TAKEN',
      message: `port ${port} is taken on all addresses of this machine`,
      hint: `Find who listens with "ss -ltnp sport = :${port}" and stop it, or let pods share one address.`,
      exitCode: 5,
    })
  },
)

test('free ports leave every pod an address of its own', linux, async (t) => {
  const plan = await claimAddresses({ ports: [8080], onNotice: () => assert.fail('no news') })
  t.after(() => plan.close())
  const { podIp } = plan.takePod()
  assert.deepEqual(plan.socket(podIp, 8080), { host: podIp, port: 8080 })
})
