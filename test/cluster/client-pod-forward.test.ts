import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectCluster } from '../../cluster/client/connect.ts'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { ClusterError } from '../../cluster/errors.ts'
import { type PortForwardServer, portForwardServer } from '../support/port-forward-server.ts'

const big = 'x'.repeat(200_000)
const request = { namespace: 'istio-system', pod: 'ztunnel-1', port: 15000, path: '/config_dump' }

async function connected(
  t: TestContext,
  options: Parameters<typeof portForwardServer>[1] = {},
): Promise<{ client: ClusterClient; api: PortForwardServer }> {
  const admin = createServer((message, response) => {
    const known = message.url === '/config_dump'
    // Chunked, as ztunnel answers.
    response.writeHead(known ? 200 : 404)
    for (let at = 0; at < big.length; at += 16_000) response.write(big.slice(at, at + 16_000))
    response.end()
  })
  await new Promise<void>((resolve) => admin.listen(0, '127.0.0.1', resolve))
  const api = await portForwardServer((admin.address() as AddressInfo).port, options)
  const directory = await mkdtemp(join(tmpdir(), 'mb-forward-'))
  t.after(async () => {
    api.stop()
    admin.close()
    admin.closeAllConnections()
    await rm(directory, { recursive: true, force: true })
  })
  const path = join(directory, 'kubeconfig')
  const entry = (name: string, rest: object) => [{ name, ...rest }]
  await writeFile(
    path,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      clusters: entry('test', { cluster: { server: api.url, 'insecure-skip-tls-verify': true } }),
      users: entry('test', { user: { token: 'secret' } }),
      contexts: entry('test', { context: { cluster: 'test', user: 'test' } }),
    }),
  )
  return { client: await connectCluster({ kubeconfigPath: path }), api }
}

test('a port on a pod’s loopback answers through a port-forward, whole and with its status', async (t) => {
  const { client, api } = await connected(t)
  const answer = await client.podForward(request)
  const text = await answer.text()
  assert.deepEqual([answer.status, text.length, text === big], [200, 200_000, true])
  assert.equal((await client.podForward({ ...request, path: '/other' })).status, 404)
  assert.equal(
    api.asked[0],
    '/api/v1/namespaces/istio-system/pods/ztunnel-1/portforward?ports=15000',
  )
})

test('a refused port-forward says which permission is missing', async (t) => {
  const { client } = await connected(t, { refuse: 403 })
  await assert.rejects(client.podForward(request), (error) => {
    assert.ok(error instanceof ClusterError)
    assert.deepEqual([error.status, error.reason], [403, 'Forbidden'])
    assert.match(error.hint, /create on pods\/portforward in istio-system/)
    return true
  })
})

test('what the kubelet complains of is in the error', async (t) => {
  const { client } = await connected(t, { complaint: 'connect to port 15000: connection refused' })
  await assert.rejects(client.podForward(request), /15000 .*connection refused/)
})
