import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { NumberPool } from '../../cluster/agent/address-plan.ts'
import { BackOff } from '../../cluster/agent/back-off.ts'
import { environmentOf } from '../../cluster/agent/environment.ts'
import { LogFile } from '../../cluster/agent/log-file.ts'
import { readLog } from '../../cluster/agent/log-reader.ts'
import { claimLoopbackBlock } from '../../cluster/agent/loopback-block.ts'
import { kinds, type Pod, type Service } from '../../cluster/kinds.ts'

const pod: Pod = {
  ...kinds.pod,
  metadata: { name: 'cart-1', namespace: 'shop', labels: { app: 'cart' } },
  spec: { nodeName: 'one', containers: [] },
}
const address = { podIp: '127.1.1.1', appHost: '127.1.65.1' }
const socket = (host: string, port: number) => ({ host, port })
const service: Service = {
  ...kinds.service,
  metadata: { name: 'price-list', namespace: 'shop' },
  spec: {
    ports: [
      { name: 'http', port: 80 },
      { name: 'admin-api', port: 81 },
    ],
  },
}

test('a container finds services, its own address and its pod in the environment', () => {
  const container = {
    name: 'app',
    image: 'x',
    ports: [{ containerPort: 8080 }],
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'URL', value: 'http://$(IP)/$(UNKNOWN)?cost=$$5' },
    ],
  }
  const reach = (port: number) => ({ host: '127.1.128.1', port })
  assert.deepEqual(
    environmentOf(container, {
      pod,
      address,
      socket,
      services: [{ service, name: 'price-list', reach }],
    }),
    {
      PRICE_LIST_SERVICE_HOST: '127.1.128.1',
      PRICE_LIST_SERVICE_PORT: '80',
      PRICE_LIST_SERVICE_PORT_HTTP: '80',
      PRICE_LIST_SERVICE_PORT_ADMIN_API: '81',
      HOSTNAME: 'cart-1',
      HOST: '127.1.65.1',
      SOCKETS_FROM_PARENT: '1',
      PORT: '8080',
      POD_NAME: 'cart-1',
      APP: 'cart',
      IP: '127.1.1.1',
      URL: 'http://127.1.1.1/$(UNKNOWN)?cost=$5',
    },
  )
})

test('the manifest decides about HOST and PORT when it names them', () => {
  const env = [
    { name: 'PORT', value: '9' },
    { name: 'HOST', value: '0.0.0.0' },
  ]
  const container = { name: 'app', image: 'x', ports: [{ containerPort: 8080 }], env }
  const { HOST, PORT } = environmentOf(container, { pod, address, socket, services: [] })
  assert.deepEqual([HOST, PORT], ['0.0.0.0', '9'])
})

test('a container port is told as the port where the process really listens', () => {
  const moved = (_host: string, port: number) => ({ host: '127.0.0.1', port: port + 10_000 })
  const facts = { pod, address, socket: moved, services: [] }
  const ports = [{ containerPort: 8080 }]
  const silent = environmentOf({ name: 'app', image: 'x', ports }, facts)
  assert.deepEqual([silent.HOST, silent.PORT], ['127.0.0.1', '18080'])
  const env = [{ name: 'PORT', value: '9' }]
  assert.equal(environmentOf({ name: 'app', image: 'x', ports, env }, facts).PORT, '10009')
})

test('restarts wait 0, 1, 2, 4 ... 300 s, and start over after ten minutes of running', () => {
  const backOff = new BackOff()
  const delaysMs = Array.from({ length: 12 }, () => backOff.next(100))
  assert.deepEqual(delaysMs.slice(0, 5), [0, 1_000, 2_000, 4_000, 8_000])
  assert.equal(delaysMs.at(-1), 300_000)
  assert.equal(backOff.next(600_000), 0)
  assert.equal(backOff.next(100), 1_000)
})

test('two clusters on one machine have no address in common', async (t) => {
  const plans = [await claimLoopbackBlock(), await claimLoopbackBlock()]
  t.after(async () => {
    await Promise.all(plans.map((plan) => plan.close()))
  })
  const blocks = plans.map((plan) => plan.takePod().podIp.split('.')[1])
  assert.notEqual(blocks[0], blocks[1])
})

test('an address is used again only when all others have been', () => {
  const pool = new NumberPool(3)
  assert.deepEqual([pool.take(), pool.take()], [0, 1])
  pool.release(0)
  assert.deepEqual([pool.take(), pool.take(), pool.take()], [2, 0, undefined])
})

async function text(path: string, tailLines?: number): Promise<string> {
  let all = ''
  const signal = new AbortController().signal
  const isGrowing = (): boolean => false
  const tail = tailLines === undefined ? {} : { tailLines }
  for await (const part of readLog({ path, isGrowing, signal, ...tail })) {
    all += Buffer.from(part).toString()
  }
  return all
}

async function settled(path: string, bytes: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const size = (await readFile(path).catch(() => Buffer.alloc(0))).length
    if (size === bytes) return
    await delay(5)
  }
}

test('a log is read whole or from its last lines', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mb-log-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'pod', 'app', '0.log')
  const log = new LogFile(path)
  log.append(Buffer.from('one\ntwo\n'))
  log.append(Buffer.from('three\n'))
  log.close()
  await settled(path, 14)
  assert.equal(await text(path), 'one\ntwo\nthree\n')
  assert.equal(await text(path, 2), 'two\nthree\n')
  assert.equal(await text(path, 9), 'one\ntwo\nthree\n')
  assert.equal(await text(path, 0), '')
})

test('a log stays bounded however much a container writes', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'mb-log-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const path = join(directory, 'app.log')
  const log = new LogFile(path)
  const chunk = Buffer.alloc(512 * 1024, 'x')
  for (let written = 0; written < 40; written += 1) {
    log.append(chunk)
    await delay(2)
  }
  log.close()
  await delay(50)
  const bytes = (await readFile(path)).length + (await readFile(`${path}.1`)).length
  assert.ok(bytes <= 11 * 1024 * 1024, `${bytes} bytes are on disk`)
})

test('a log that cannot be written loses its lines and nothing else', () => {
  const log = new LogFile('/dev/null/impossible/app.log')
  for (let lines = 0; lines < 5_000; lines += 1) log.append(Buffer.alloc(1024, 'x'))
  log.close()
})
