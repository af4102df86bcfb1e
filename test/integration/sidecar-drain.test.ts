import assert from 'node:assert/strict'
import net from 'node:net'
import { performance } from 'node:perf_hooks'
import { type TestContext, test } from 'node:test'
import type { RequestPolicy } from '../../proxies/config/l7.ts'
import type { SocketAddress } from '../../proxies/config/process.ts'
import { type RawClient, rawClient } from '../support/raw-client.ts'
import {
  CLIENT_ID,
  createEchoServer,
  listenLocal,
  type SidecarPair,
  startSidecarPair,
} from '../support/sidecar-pair.ts'

/** Far more than an answer on loopback takes, and long enough to be told from a cut at once. */
const DRAIN_MS = 1_500

const MEMBERS_ONLY: RequestPolicy = {
  name: 'members-only',
  namespace: 'shop',
  action: 'Allow',
  rules: [[[{ principals: [{ Exact: CLIENT_ID.replace('spiffe://', '') }] }]]],
}

interface Options {
  readonly app: SocketAddress
  readonly protocol: 'tcp' | 'http'
  mtlsMode: 'PERMISSIVE' | 'STRICT'
  readonly env: Readonly<Record<string, string>>
}

interface Stage {
  readonly pair: SidecarPair
  readonly options: Options
}

async function stage(t: TestContext, app: net.Server, protocol: 'tcp' | 'http'): Promise<Stage> {
  const env = { DRAIN_DURATION: `${DRAIN_MS}ms` }
  const options: Options = { app: await listenLocal(app), protocol, mtlsMode: 'PERMISSIVE', env }
  const pair = await startSidecarPair(options)
  t.after(async () => {
    app.close()
    await pair.stop()
  })
  return { pair, options }
}

async function echoes(client: RawClient, text: string): Promise<void> {
  client.clear()
  client.send(text)
  await client.until((received) => received === text)
}

/** How long after the change the connection still lived. */
async function livedMs(client: RawClient, sinceMs: number): Promise<number> {
  await client.closed()
  return performance.now() - sinceMs
}

test('a connection in plaintext that STRICT finds open goes on for the drain time, then it is cut', async (t) => {
  const { pair, options } = await stage(t, createEchoServer(), 'tcp')
  const [stranger, member] = [await rawClient(pair.inbound), await rawClient(pair.address)]
  await echoes(stranger, 'before')
  await echoes(member, 'before')

  options.mtlsMode = 'STRICT'
  const changedMs = performance.now()
  await pair.applyL7('server', {})
  await echoes(stranger, 'meanwhile')
  const lived = await livedMs(stranger, changedMs)
  assert.ok(lived >= DRAIN_MS - 5, `cut after ${lived} ms`)
  await echoes(member, 'after')
  member.socket.destroy()
})

test('a connection that a new policy denies goes on for the drain time, one that it allows stays', async (t) => {
  const { pair } = await stage(t, createEchoServer(), 'tcp')
  const [stranger, member] = [await rawClient(pair.inbound), await rawClient(pair.address)]
  await echoes(stranger, 'before')
  await echoes(member, 'before')

  const changedMs = performance.now()
  await pair.applyL7('server', { policies: [MEMBERS_ONLY] })
  const lived = await livedMs(stranger, changedMs)
  assert.ok(lived >= DRAIN_MS - 5, `cut after ${lived} ms`)
  await echoes(member, 'after')
  member.socket.destroy()
})

test('a download in plaintext that STRICT finds under way is cut after the drain time', async (t) => {
  const endless = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n')
    })
  })
  const { pair, options } = await stage(t, endless, 'http')
  const stranger = await rawClient(pair.inbound)
  stranger.send('GET / HTTP/1.1\r\nHost: server\r\n\r\n')
  await stranger.until(/first/)

  options.mtlsMode = 'STRICT'
  const changedMs = performance.now()
  await pair.applyL7('server', {})
  const lived = await livedMs(stranger, changedMs)
  assert.ok(lived >= DRAIN_MS - 5, `cut after ${lived} ms`)
})
