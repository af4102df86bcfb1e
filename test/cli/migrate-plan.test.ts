import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { kinds } from '../../cluster/kinds.ts'
import { readPlan } from '../../migration/plan/file.ts'
import { planSchema } from '../../migration/result/plan.ts'
import { startStage } from '../support/migration-stage.ts'
import { runCli } from '../support/run-cli.ts'

const folder = mkdtempSync(join(tmpdir(), 'meshbench-migrate-'))
after(() => rmSync(folder, { recursive: true }))
writeFileSync(
  join(folder, 'shop.yaml'),
  `apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio-injection: enabled } }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: deny-admin, namespace: shop }
spec: { action: DENY, rules: [{ to: [{ operation: { paths: ["/admin*"] } }] }] }
`,
)
const fromFiles = ['migrate', '--namespace', 'shop', '--from-files', '.'] as const

test('a plan that opens a policy is printed and saved, and ends with 6', async () => {
  const { code, stdout, stderr } = await runCli(fromFiles, folder)
  assert.equal(code, 6, stderr)
  assert.match(stdout, /MB051 AuthorizationPolicy shop\/deny-admin \(--accept MB051\)/)
  assert.match(stdout, /PATCH \/api\/v1\/namespaces\/shop\?fieldManager=meshbench \(JSON patch\)/)
  assert.match(stdout, /restarts\n {2}nobody/)
  const saved = /saved as (\S+)/.exec(stderr)?.[1] ?? ''
  assert.ok(existsSync(join(folder, saved)), saved)
})

test('accepted for that one policy it is ready; --json prints what --out holds', async () => {
  const accept = 'MB051=AuthorizationPolicy shop/deny-admin'
  const argv = [...fromFiles, '--accept', accept, '--json', '--out', 'plan.json']
  const { code, stdout } = await runCli(argv, folder)
  assert.equal(code, 0)
  assert.deepEqual(JSON.parse(stdout), readPlan(join(folder, 'plan.json')))
})

test('files that cannot be read or are not known are named with their line, in text and JSON', async () => {
  const odd = join(folder, 'odd')
  mkdirSync(odd)
  writeFileSync(
    join(odd, 'a.yaml'),
    `apiVersion: kafka.example.org/v1
kind: Broker
metadata: { name: events, namespace: shop }
---
apiVersion: v1
kind: Service
metadata: { name: cart, namespace: shop }
spec: { ports: [{ port: 80 }] }
`,
  )
  writeFileSync(join(odd, 'b.yaml'), 'kind: Service\nmetadata: { name: cart\n  spec: [\n')
  const argv = ['migrate', '--namespace', 'shop', '--from-files', 'odd'] as const
  const text = await runCli(argv, folder)
  assert.match(
    text.stdout,
    /^skipped or unclear in the files \(\d\)\n(?: {2}.*\n)* {2}a\.yaml:1: Broker events/m,
  )
  assert.match(text.stdout, /^ {2}b\.yaml:\d+: /m)
  assert.match(text.stdout, /^taken for granted \(\d+\)\n {2}\S/m)
  assert.match(text.stdout, /MB022 .*: no call was tried with dryRun=All: that needs the cluster/)
  const { faults = [], assumed = [] } = JSON.parse(
    (await runCli([...argv, '--json'], folder)).stdout,
  ).source
  assert.deepEqual([...new Set(faults.map((one: { file: string }) => one.file))].sort(), [
    'a.yaml',
    'b.yaml',
  ])
  assert.ok(faults.every((one: { line: number }) => one.line >= 1))
  assert.ok(assumed.length > 0)
  const both = await runCli([...argv, '--plan', 'plan.json'], folder)
  assert.equal(both.code, 2)
  assert.match(both.stderr, /compares with a cluster, not with files/)
})

test('what cannot be planned is a usage error', async () => {
  for (const argv of [['migrate'], ['migrate', 'plan', '--namespace', 'No_Such']]) {
    const { code, stderr } = await runCli(argv, folder)
    assert.equal(code, 2)
    assert.match(stderr, /^error: .*namespace/)
  }
  const past = ['migrate', 'plan', '-n', 'shop', '--allow-bypass']
  for (const [who, why] of [
    ['prometheus', /"prometheus" names neither a service account nor a port/],
    ['port:99999', /names neither/],
    ['monitoring/prometheus', /exceptions from --protect-from-bypass/],
  ] as const) {
    const { code, stderr } = await runCli([...past, who, '--from-files', '.'], folder)
    assert.equal(code, 2)
    assert.match(stderr, why)
  }
})

test('--all-labelled plans every namespace that asks for sidecars, and no other', async (t) => {
  const stage = await startStage()
  t.after(() => stage.stop())
  const cluster = ['--kubeconfig', stage.kubeconfigPath]
  const labelled: readonly (readonly [string, Record<string, string>])[] = [
    ['web', { 'istio-injection': 'enabled' }],
    ['canary', { 'istio.io/rev': '1-30' }],
    ['plain', {}],
    ['off', { 'istio-injection': 'disabled', 'istio.io/rev': '1-30' }],
  ]
  for (const [name, labels] of labelled) {
    stage.store.create({ ...kinds.namespace, metadata: { name, labels } })
  }
  const argv = ['migrate', 'plan', '--all-labelled', '--json', '--out', 'all.json', ...cluster]
  const { code, stdout, stderr } = await runCli(argv, folder)
  assert.equal(code, 6, stderr)
  const { options, waves, steps } = planSchema.parse(JSON.parse(stdout))
  assert.deepEqual([...options.namespaces].sort(), ['canary', 'shop', 'web'])
  assert.deepEqual(waves.flat().sort(), ['canary', 'shop', 'web'])
  const turned = steps.filter(({ phase }) => phase === 'S10').map(({ namespace }) => namespace)
  assert.deepEqual(turned, waves.flat(), 'in the order of the waves')

  for (const name of ['shop', 'web', 'canary']) {
    stage.store.mutate({ ...kinds.namespace, name }, (found) => ({
      ...found,
      metadata: { ...found.metadata, labels: {} },
    }))
  }
  const none = await runCli(['migrate', 'plan', '--all-labelled', ...cluster], folder)
  assert.equal(none.code, 2)
  assert.match(none.stderr, /^error: no namespace asks for sidecars by its labels/)
})
