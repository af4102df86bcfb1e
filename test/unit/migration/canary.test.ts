import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { kinds, type Service } from '../../../cluster/kinds.ts'
import { loggedConnections } from '../../../migration/verify/access-log.ts'
import { canaryPod, canaryResults, targetOf } from '../../../migration/verify/canary-pod.ts'
import { type Call, judgeCall } from '../../../migration/verify/canary-proof.ts'

const service = (ports: readonly object[]): Service =>
  ({ ...kinds.service, metadata: { name: 'cart', namespace: 'shop' }, spec: { ports } }) as Service

test('what is called of a service: its first TCP port, by HTTP only where that is said', () => {
  const cases: readonly (readonly [readonly object[], string | undefined])[] = [
    [[{ name: 'http', port: 80 }], 'http://cart.shop.svc:80/'],
    [[{ name: 'http-web', port: 8080 }], 'http://cart.shop.svc:8080/'],
    [[{ name: 'web', port: 80, appProtocol: 'http' }], 'http://cart.shop.svc:80/'],
    [[{ name: 'http2', port: 80 }], 'tcp://cart.shop.svc:80'],
    [[{ name: 'http', port: 80, appProtocol: 'https' }], 'tcp://cart.shop.svc:80'],
    [[{ port: 3306 }], 'tcp://cart.shop.svc:3306'],
    [[{ port: 53, protocol: 'UDP' }, { port: 54 }], 'tcp://cart.shop.svc:54'],
    [[{ port: 53, protocol: 'UDP' }], undefined],
  ]
  for (const [ports, url] of cases) assert.equal(targetOf(service(ports))?.url, url)
})

const canary = { name: 'meshbench-canary-1', namespace: 'shop', ip: '10.0.0.9' }
const web = 'spiffe://cluster.local/ns/shop/sa/default'
const line = (fields: string, source = 'src.workload="meshbench-canary-1"'): string =>
  `2026-11-23T10:00:00Z\tinfo\taccess\tconnection complete\tsrc.addr=10.0.0.9:4 ${source} src.identity="${web}" dst.addr=10.0.0.2:15008 dst.hbone_addr="10.0.0.2:8080" ${fields}`
const arrived =
  'dst.service="cart.shop.svc.cluster.local" dst.workload="cart-1" dst.namespace="shop" direction="inbound"'
const left =
  'dst.service="cart.shop.svc.cluster.local" dst.workload="waypoint-1" direction="outbound"'

function judged(result: string | undefined, ...lines: readonly string[]) {
  const call: Call = { service: 'cart', namespace: 'shop', pods: ['cart-1'], result }
  const connections = lines.flatMap((one) =>
    loggedConnections(one).map((connection) => ({ ztunnel: 'ztunnel-a', ...connection })),
  )
  const look = judgeCall(call, { canary, connections })
  return 'missing' in look ? `missing: ${look.missing}` : look.evidence.join()
}

test('an answer and the line of that very connection are a proof, neither alone is', () => {
  const proof = `ztunnel-a logged it to 10.0.0.2:8080 through HBONE, from ${web}`
  assert.equal(judged('200', line(arrived)), `shop/cart answered 200 to the canary: ${proof}`)
  assert.equal(judged('open', line(arrived)), `shop/cart accepted the canary: ${proof}`)
  assert.equal(
    judged('404', line(left)),
    `shop/cart answered 404 to the canary by way of its waypoint: ${proof}`,
  )
  assert.match(judged('200'), /^missing: shop\/cart answers the canary, but no ztunnel/)
  assert.match(judged('200', line(arrived, 'src.workload="web-1"')), /^missing: .*no ztunnel/)
  assert.match(judged('200', line(arrived.replaceAll('cart', 'other'))), /^missing: .*no ztunnel/)
  assert.equal(judged(undefined, line(arrived)), 'missing: the canary has not called shop/cart yet')
  for (const result of ['none: read ECONNRESET', '503']) {
    assert.match(judged(result, line(arrived)), /^missing: shop\/cart does not answer the canary/)
  }
})

test('a caller without a name is known by its address, a fault of the connection by its words', () => {
  assert.match(judged('200', line(arrived, '')), /^shop\/cart answered 200/)
  const cut = `${arrived} error="connection failed: \\"refused\\", gone"`
  assert.equal(
    judged('200', line(cut)),
    'missing: shop/cart: ztunnel-a says connection failed: \\"refused\\", gone',
  )
  assert.match(judged('200', line(cut), line(arrived)), /^shop\/cart answered 200/)
  const refused = `${arrived} error="connection closed due to policy rejection: allow policies exist, but none allowed"`
  assert.equal(
    judged('none: socket hang up', line(refused)),
    `ztunnel-a refused the canary at shop/cart by policy, as ${web}: it is captured, and its policies hold`,
  )
})

const hasCurl = spawnSync('curl', ['--version']).status === 0

test('in images of others a shell and curl do the same', {
  skip: !hasCurl && 'no curl',
}, async (t) => {
  const server = createServer((request, response) => {
    response.writeHead(request.headers['user-agent'] === 'meshbench-canary' ? 418 : 500).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const urls = [
    `http://127.0.0.1:${port}/`,
    `tcp://127.0.0.1:${port}`,
    'http://127.0.0.1:1/',
    'tcp://127.0.0.1:1',
  ]
  const pod = canaryPod({
    name: 'canary',
    namespace: 'shop',
    planId: 'p',
    image: 'curlimages/curl',
    targets: urls.map((url) => ({ service: url, url })),
  })
  const [container] = pod.spec.containers
  const [program = '', ...argv] = (container?.command as readonly string[] | undefined) ?? []
  const child = spawn(program, [...argv, ...(container?.args ?? [])])
  let log = ''
  child.stdout.on('data', (chunk: Buffer) => {
    log += chunk.toString()
    if (canaryResults(log).size === urls.length) child.kill('SIGKILL')
  })
  await once(child, 'exit')
  assert.deepEqual(
    [...canaryResults(log)],
    [
      [urls[0], '418'],
      [urls[1], 'open'],
      [urls[2], 'none: curl ended with 7'],
      [urls[3], 'none: curl ended with 7'],
    ],
  )
})

test('an image without curl says so and ends', () => {
  const { spec } = canaryPod({ name: 'c', namespace: 'n', planId: 'p', image: 'x', targets: [] })
  const [, flag = '', script = ''] = (spec.containers[0]?.command as string[] | undefined) ?? []
  const { stdout, status } = spawnSync('/bin/sh', [flag, script], { env: { PATH: '/nowhere' } })
  assert.equal(stdout.toString(), 'this image has no curl\n')
  assert.equal(status, 1)
})
