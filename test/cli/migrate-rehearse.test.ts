import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Rehearsal, rehearsalSchema } from '../../migration/result/rehearsal.ts'
import { exportedApi } from '../support/exported-api.ts'
import { runCli, startCli } from '../support/run-cli.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-rehearse-'))
after(() => rmSync(scratch, { recursive: true }))

test('a rehearsal on the terms of Istio: the labels alone change no sidecar, and nothing fails', async () => {
  const short = ['--workload', 'echo', '--rate', '60', '--settle', '1s', '--istio-semantics']
  const argv = ['migrate', 'rehearse', '--namespace', 'shop', ...short, '--yes', '--json']
  const { code, stdout, stderr } = await startCli(argv, { cwd: scratch, timeoutMs: 120_000 })
    .finished
  const printed = JSON.parse(stdout) as Rehearsal & { files: string[]; exitCode: number }
  assert.deepEqual([printed.verdict, printed.reasons, code], ['clean', [], 0], stderr)
  assert.equal(printed.failedRequests, 0)
  assert.equal(printed.podsRestarted, 0)
  assert.ok(printed.longestGapMs > 0, `${printed.longestGapMs} ms`)
  const [flip] = printed.steps.filter(({ id }) => id === 'S10/shop')
  assert.ok(flip, printed.steps.map(({ id }) => id).join())
  assert.equal(flip.outcome, 'verified')
  // Arrivals are spread around their beat.
  assert.ok(flip.requests >= 50, `${flip.requests} requests in more than a second at 60/s`)
  assert.ok((flip.latencyUs.after.max ?? 0) > 0, 'µs')
  assert.deepEqual(
    printed.carried.map(({ when, atZtunnels, ambientShare }) => [when, atZtunnels, ambientShare]),
    [
      ['before', 0, 0],
      ['migrated', 0, 0],
    ],
  )
  assert.ok((printed.carried[1]?.atSidecars ?? 0) > 0, 'the sidecars still carry everything')
  assert.equal(printed.callers.length, 6)
  const [result = '', report = ''] = printed.files
  rehearsalSchema.parse(JSON.parse(readFileSync(result, 'utf8')))
  assert.match(readFileSync(report, 'utf8'), /shop migrates cleanly/)
  assert.equal(existsSync(join(result, '..', 'kubeconfig')), false)
})

const exported = `apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio-injection: enabled } }
---
apiVersion: v1
kind: Service
metadata: { name: api, namespace: shop }
spec: { selector: { app: api }, ports: [{ port: 80, targetPort: 8000 }] }
---
${exportedApi}---
apiVersion: batch/v1
kind: Job
metadata: { name: schema, namespace: shop }
spec: { template: { spec: { containers: [{ name: schema, image: 'registry.example/sql' }] } } }
`

test('of exported files Ctrl-C leaves what was measured until then, and no cluster', async () => {
  mkdirSync(join(scratch, 'exported'))
  writeFileSync(join(scratch, 'exported', 'shop.yaml'), exported)
  const argv = ['migrate', 'rehearse', '-n', 'shop', '--from-files', 'exported', '--rate', '30']
  const long = ['--settle', '2s', '--istio-semantics', '--json']
  const { child, sees, finished } = startCli([...argv, ...long], {
    cwd: scratch,
    timeoutMs: 120_000,
  })
  await sees('load after S10/shop')
  child.kill('SIGINT')
  const { code, stdout, stderr } = await finished
  assert.equal(code, 130, stderr)
  const { verdict, source, steps, files } = JSON.parse(stdout) as Rehearsal & { files: string[] }
  assert.equal(verdict, 'interrupted')
  assert.deepEqual(source, {
    from: 'files',
    name: 'exported',
    replaced: ['Deployment api: registry.example/api:1'],
    leftOut: ['Job schema: this kind is not rehearsed'],
  })
  assert.deepEqual(
    steps.map(({ id, outcome }) => [id, outcome]),
    [
      ['S0', 'verified'],
      ['S10/shop', 'verified'],
    ],
  )
  const [result = '', report = ''] = files
  rehearsalSchema.parse(JSON.parse(readFileSync(result, 'utf8')))
  assert.match(readFileSync(report, 'utf8'), /was interrupted; until then/)
  assert.equal(existsSync(join(result, '..', 'kubeconfig')), false)
})

test('what cannot be rehearsed is refused before anything starts', async () => {
  const two = await runCli(['migrate', 'rehearse', '-n', 'a', '-n', 'b', '--workload', 'echo'])
  assert.equal(two.code, 2)
  assert.match(two.stderr, /one namespace is rehearsed at a time/)
  const both = await runCli(
    ['migrate', 'rehearse', '-n', 'a', '--workload', 'echo', '--from-files', 'x'],
    scratch,
  )
  assert.equal(both.code, 2)
  assert.match(both.stderr, /exclude each other/)
})
