import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readPlan } from '../../migration/plan/file.ts'
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

test('what cannot be planned is a usage error', async () => {
  for (const argv of [['migrate'], ['migrate', 'plan', '--namespace', 'No_Such']]) {
    const { code, stderr } = await runCli(argv, folder)
    assert.equal(code, 2)
    assert.match(stderr, /^error: .*namespace/)
  }
})
