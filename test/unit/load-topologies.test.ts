import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findWorkload } from '../../workloads/find-workload.ts'
import { parseScript } from '../../workloads/script.ts'
import { topologies } from '../../workloads/topologies/catalogue.ts'
import type { Topology } from '../../workloads/topologies/topology.ts'

/** Requests between services, the load generator's own included, that one request to the entry causes. */
function hopsPerRequest({ services, entry }: Topology): number {
  const hops = (name: string): number => {
    const commands = services.find((service) => service.name === name)?.script.flat() ?? []
    return commands.reduce(
      (sum, command) => ('call' in command ? sum + hops(command.call.service) : sum),
      1,
    )
  }
  return hops(entry)
}

test('the catalogue holds echo, chain and fanout with 1, 3 and 5 hops per request', () => {
  assert.deepEqual(
    topologies.map((topology) => [topology.name, hopsPerRequest(topology)]),
    [
      ['echo', 1],
      ['chain', 3],
      ['fanout', 5],
    ],
  )
})

test('every call of a topology names one of its services, and its entry exists', () => {
  for (const { entry, services } of topologies) {
    const names = new Set(services.map(({ name }) => name))
    assert.ok(names.has(entry))
    for (const command of services.flatMap(({ script }) => script.flat())) {
      if ('call' in command) assert.ok(names.has(command.call.service), command.call.service)
    }
  }
})

test('an unknown workload is answered with the nearest name, all names and exit code 2', () => {
  assert.throws(() => findWorkload('chian'), {
    code: 'UNKNOWN_WORKLOAD',
    exitCode: 2,
    message: 'there is no workload named "chian"',
    hint: 'did you mean "chain"? (known workloads: echo, chain, fanout, shop, or a YAML file)',
  })
  assert.throws(() => findWorkload('bookinfo'), {
    hint: 'known workloads: echo, chain, fanout, shop, or a YAML file',
  })
})

test('manifests carry the script, the sizes and the placement, and nothing of a mesh', () => {
  const objects = findWorkload('chain').manifests({
    namespace: 'shop',
    replicas: 2,
    responseBytes: 300,
    nodeSelector: { 'kubernetes.io/hostname': 'server-1' },
  })
  assert.deepEqual(
    objects.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`),
    ['frontend', 'backend', 'store'].flatMap((name) =>
      ['ServiceAccount', 'Service', 'Deployment'].map((kind) => `${kind} shop/${name}`),
    ),
  )
  const service = objects[1]?.spec as { ports: object[] }
  assert.deepEqual(service.ports, [
    { name: 'http', appProtocol: 'http', protocol: 'TCP', port: 8080, targetPort: 8080 },
  ])
  const deployment = objects[2]?.spec as {
    replicas: number
    template: {
      spec: { nodeSelector: object; containers: { env: { name: string; value: string }[] }[] }
    }
  }
  assert.equal(deployment.replicas, 2)
  const pod = deployment.template.spec
  assert.deepEqual(pod.nodeSelector, { 'kubernetes.io/hostname': 'server-1' })
  const env = pod.containers[0]?.env.map(({ name, value }) => [name, value])
  assert.deepEqual(Object.fromEntries(env ?? []), {
    SERVICE_NAME: 'frontend',
    PORT: '8080',
    SCRIPT: '[{"call":{"service":"backend"}}]',
    RESPONSE_BYTES: '300',
    ERROR_RATE: '0',
  })
  assert.doesNotMatch(JSON.stringify(objects), /istio|sidecar|ambient/)
})

test('a script survives its way through the environment', () => {
  const script = [
    { call: { service: 'a', path: '/x', requestBytes: 10, headers: { k: 'v' }, probability: 0.5 } },
    [{ call: { service: 'b' } }, { sleep: { ms: 5 } }],
    { work: { cpuUs: 500 } },
  ]
  assert.deepEqual(parseScript(JSON.stringify(script)), script)
})

test('a broken script is refused with the place and the reason', () => {
  const refusals: readonly (readonly [string, RegExp])[] = [
    ['{', /SCRIPT is not JSON/],
    ['{}', /SCRIPT must be a JSON list/],
    ['[{"call":{"service":"a"}},{"cal":{}}]', /step 2: unknown command cal/],
    ['[{"call":{}}]', /step 1: call.service must be a name/],
    ['[[{"sleep":{"ms":-1}}]]', /step 1.1: sleep.ms must be a number of at least 0/],
    ['[[[{"sleep":{"ms":1}}]]]', /step 1.1: lists of concurrent commands do not nest/],
    ['[{"call":{"service":"a","size":3}}]', /call.size is not known/],
    ['[{"call":{"service":"a","protocol":"soap"}}]', /call.protocol must be http or grpc/],
    ['[{"call":{"service":"a","probability":3}}]', /probability must be within 0..1/],
  ]
  for (const [json, message] of refusals) assert.throws(() => parseScript(json), { message }, json)
})
