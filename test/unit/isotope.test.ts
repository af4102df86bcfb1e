import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { findWorkload } from '../../workloads/find-workload.ts'
import { parseGoDuration, parseRate, parseSize } from '../../workloads/isotope/values.ts'
import { podCount, type Workload } from '../../workloads/workload.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-isotope-'))
after(() => rmSync(scratch, { recursive: true }))
const path = join(scratch, 'graph.yaml')

function graph(text: string, entry?: string): Workload {
  writeFileSync(path, text)
  return findWorkload(path, entry === undefined ? {} : { entry })
}

/** Every fault of a text, without the path of the file. */
function faults(text: string): string[] {
  try {
    graph(text)
  } catch (error) {
    const { code, message } = error as Error & { code: string }
    assert.equal(code, 'WORKLOAD_FILE')
    return message.split('\n').map((line) => line.trim().replace(path, 'graph'))
  }
  return []
}

/** Of every service: name and appProtocol of its port, name of its container's. */
function ports(workload: Workload): Record<string, string[]> {
  const made = workload.manifests({ namespace: 'x' })
  const named: Record<string, string[]> = {}
  for (const { kind, metadata, spec } of made) {
    if (kind === 'Service') {
      const [port] = (spec as { ports: { name: string; appProtocol: string }[] }).ports
      named[metadata.name] = [port?.name ?? '', port?.appProtocol ?? '']
    }
    if (kind !== 'Deployment') continue
    const { template } = spec as {
      template: { spec: { containers: { ports: { name: string }[] }[] } }
    }
    named[metadata.name]?.push(template.spec.containers[0]?.ports[0]?.name ?? '')
  }
  return named
}

function environment(workload: Workload): Record<string, Record<string, string>> {
  return Object.fromEntries(
    workload
      .manifests({ namespace: 'x' })
      .filter(({ kind }) => kind === 'Deployment')
      .map(({ metadata, spec }) => {
        const { template } = spec as {
          template: { spec: { containers: { env: { name: string; value: string }[] }[] } }
        }
        const env = template.spec.containers[0]?.env ?? []
        return [metadata.name, Object.fromEntries(env.map(({ name, value }) => [name, value]))]
      }),
  )
}

test('a graph with every feature becomes services, scripts and replicas', () => {
  const workload = graph(`apiVersion: isotope.tools.istio.io/v1alpha1
kind: MockServiceGraph
defaults:
  type: http
  requestSize: 1 KB
  responseSize: 10k
  errorRate: 0.1%
  numReplicas: 2
  script: [ { sleep: 1m30s } ]
services:
- name: a
  isEntrypoint: true
  errorRate: 0.5
  numReplicas: 1
  script:
  - - call: b
    - call: { service: c, size: 0, probability: 25, extra-header: { x-a: "1" } }
  - sleep: 10ms
- name: b
  responseSize: 16
  script: []
- name: c
`)
  assert.equal(workload.entry, 'a')
  assert.deepEqual(workload.warnings, [])
  assert.equal(podCount(workload), 5)
  const env = environment(workload)
  assert.deepEqual(JSON.parse(env.a?.SCRIPT ?? ''), [
    [
      { call: { service: 'b', requestBytes: 1024 } },
      { call: { service: 'c', probability: 0.25, headers: { 'x-a': '1' } } },
    ],
    { sleep: { ms: 10 } },
  ])
  assert.deepEqual(
    ['a', 'b', 'c'].map((name) => [env[name]?.RESPONSE_BYTES, env[name]?.ERROR_RATE]),
    [
      ['10240', '0.5'],
      ['16', '0.001'],
      ['10240', '0.001'],
    ],
  )
  assert.deepEqual(JSON.parse(env.b?.SCRIPT ?? ''), [])
  assert.deepEqual(JSON.parse(env.c?.SCRIPT ?? ''), [{ sleep: { ms: 90_000 } }])
})

test('every fault is found in one look, with its line and column', () => {
  assert.deepEqual(
    faults(`defaults: { responseSize: -1 }
services:
- name: a
  errorRate: 101%
  script:
  - call: ghost
  - - - call: b
  - call: { service: b, size: lots, probability: 200 }
  - sleep: soon
  - jump: b
- errorRate: 2
- name: b
  type: soap
  numReplicas: 0
- name: b
- name: Wrong_Name
`),
    [
      'graph:1:27: responseSize is negative: -1',
      'graph:4:14: errorRate is outside 0 % to 100 %: "101%"',
      'graph:6:11: call to ghost, which is no service of this graph',
      'graph:7:7: lists of concurrent commands do not nest',
      'graph:8:31: size must be bytes, like 512 or "10k", not "lots"',
      'graph:8:50: probability must be a number of per cent from 0 to 100, not 200',
      'graph:9:12: sleep must be a duration like 10ms or 1m30s, not "soon"',
      'graph:10:5: unknown step "jump"; known are call and sleep',
      'graph:11:3: this service has no name',
      'graph:11:14: errorRate is outside 0 % to 100 %: 2',
      'graph:13:9: type must be http or grpc, not "soap"',
      'graph:14:16: numReplicas must be a whole number of at least 1, not 0',
      'graph:15:9: a second b',
      'graph:16:9: "Wrong_Name" cannot name a service: small letters, digits and dashes, beginning with a letter, at most 63',
    ],
  )
})

test('a cycle is refused at the call that closes it, however long it is', () => {
  assert.deepEqual(
    faults(`services:
- { name: in, script: [ { call: a } ] }
- { name: a, script: [ { call: b } ] }
- { name: b, script: [ { sleep: 1ms }, { call: a } ] }
- { name: self, script: [ { call: self } ] }
`),
    [
      'graph:4:48: a -> b -> a is a cycle: a request in it never ends',
      'graph:5:35: self -> self is a cycle: a request in it never ends',
    ],
  )
})

test('services of type grpc have typed ports and are called by gRPC, from whatever type', () => {
  const workload = graph(`defaults: { type: grpc, requestSize: 2k }
services:
- { name: a, type: http, script: [ { call: b }, [ { call: c }, { call: d } ] ] }
- { name: b, script: [ { call: { service: c, size: 0 } }, { call: d } ] }
- { name: c }
- { name: d, type: http }
`)
  assert.equal(workload.entry, 'a')
  assert.deepEqual(workload.warnings, [])
  assert.deepEqual(ports(workload), {
    a: ['http', 'http', 'http'],
    b: ['grpc', 'grpc', 'grpc'],
    c: ['grpc', 'grpc', 'grpc'],
    d: ['http', 'http', 'http'],
  })
  const env = environment(workload)
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((name) => env[name]?.PROTOCOL),
    [undefined, 'grpc', 'grpc', undefined],
  )
  assert.deepEqual(JSON.parse(env.a?.SCRIPT ?? ''), [
    { call: { service: 'b', requestBytes: 2048, protocol: 'grpc' } },
    [
      { call: { service: 'c', requestBytes: 2048, protocol: 'grpc' } },
      { call: { service: 'd', requestBytes: 2048 } },
    ],
  ])
  assert.deepEqual(JSON.parse(env.b?.SCRIPT ?? ''), [
    { call: { service: 'c', protocol: 'grpc' } },
    { call: { service: 'd', requestBytes: 2048 } },
  ])
})

test('before an entry of type grpc stands an HTTP service, and it is told', () => {
  const text =
    'services:\n- { name: a, type: grpc, responseSize: 5, script: [ { call: b } ] }\n- { name: b }\n'
  for (const workload of [graph(text), graph(text, 'a')]) {
    assert.equal(workload.entry, 'a-http')
    assert.equal(podCount(workload), 3)
    assert.deepEqual(
      workload.warnings.map((line) => line.replace(path, 'graph')),
      [
        'graph:2:3: load speaks HTTP/1.1 and a gRPC: it enters at a-http, a service added to pass it on',
      ],
    )
    const { 'a-http': front } = environment(workload)
    assert.equal(front?.PROTOCOL, undefined)
    assert.equal(front?.RESPONSE_BYTES, '5')
    assert.deepEqual(JSON.parse(front?.SCRIPT ?? ''), [
      { call: { service: 'a', protocol: 'grpc' } },
    ])
  }
  assert.equal(graph(text, 'b').entry, 'b')
  assert.deepEqual(graph(text, 'b').warnings, [])
  assert.deepEqual(
    faults('services:\n- { name: a, type: grpc, isEntrypoint: true }\n- { name: a-http }\n'),
    [
      'graph:2:3: load speaks HTTP/1.1 and a gRPC, and no service can be put between them as "a-http"',
    ],
  )
})

test('a call one slip away from a service names it', () => {
  const typed = 'services: [ { name: web, script: [ { call: oders } ] }, { name: orders } ]'
  assert.throws(() => graph(typed), /call to oders, .*; did you mean orders\?/)
})

test('keys that have no effect are warned of and change nothing', () => {
  const { warnings, entry } = graph(`default: { type: grpc }
defaults: { numRbacPolicies: 3 }
services:
- { name: a, namespace: n, speed: 9, script: [ { call: { service: b, payloadSize: 3 } } ] }
- { name: b }
`)
  assert.equal(entry, 'a')
  assert.deepEqual(
    warnings.map((line) => line.replace(path, 'graph').replace(/ \(known:.*\)/, '')),
    [
      'graph:1:1: a service graph has no field "default" (did you mean defaults?); ignored',
      'graph:2:13: numRbacPolicies is no part of the graph; ignored',
      'graph:4:28: a service has no field "speed"; ignored',
      'graph:4:14: namespace is ignored: all services share one namespace',
      'graph:4:70: call has no field "payloadSize"; ignored',
    ],
  )
})

test('several entries, or none that is free of callers, have to be chosen from by name', () => {
  const two = 'services: [ { name: a }, { name: b } ]'
  assert.throws(() => graph(two), { code: 'WORKLOAD_ENTRY', hint: /--entry a$/ })
  assert.equal(graph(two, 'b').entry, 'b')
  const marked = `services:\n${['a', 'b'].map((name) => `- { name: ${name}, isEntrypoint: true }\n`).join('')}`
  assert.throws(() => graph(marked), {
    message: 'graph has 2 services marked as its entry: a, b',
  })
})

test('a graph without services is refused', () => {
  assert.deepEqual(faults('services:\n'), ['graph:1:1: a service graph needs services'])
  assert.deepEqual(faults('kind: MockServiceGraph\nservices: 3\n'), [
    'graph:1:1: a service graph needs services',
    'graph:2:11: services must be a list, not 3',
  ])
})

test('sizes, rates and durations are read as docker and Go read them', () => {
  for (const [text, bytes] of [
    [128, 128],
    ['10k', 10_240],
    ['1 KB', 1024],
    ['16KiB', 16_384],
    ['10K', 10_240],
    ['2mb', 2_097_152],
    ['1.5k', 1536],
    ['7b', 7],
    [-5, -5],
    [1.5, undefined],
    ['k', undefined],
    ['10 x', undefined],
  ] as const) {
    assert.equal(parseSize(text), bytes, String(text))
  }
  assert.deepEqual([0.5, '0.1%', '100%', '12', 'x%'].map(parseRate), [
    0.5,
    0.001,
    1,
    undefined,
    undefined,
  ])
  assert.deepEqual(
    ['10ms', '1m30s', '1.5h', '250us', '.5s', '0', '-1s', '10', 'ms'].map(parseGoDuration),
    [10, 90_000, 5_400_000, 0.25, 500, 0, -1_000, undefined, undefined],
  )
})
