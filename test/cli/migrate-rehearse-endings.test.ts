import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Rehearsal, rehearsalSchema } from '../../migration/result/rehearsal.ts'
import { exportedApi } from '../support/exported-api.ts'
import { runCli, startCli } from '../support/run-cli.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-rehearse-endings-'))
after(() => rmSync(scratch, { recursive: true }))

const exported = `apiVersion: v1
kind: Service
metadata: { name: api, namespace: shop }
spec: { selector: { app: api }, ports: [{ name: http, port: 80, targetPort: 8000 }] }
---
${exportedApi}---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: no-admin, namespace: shop }
spec:
  action: DENY
  selector: { matchLabels: { app: api } }
  rules: [{ to: [{ operation: { paths: [/admin] } }] }]
`

test('a rehearsal with a waypoint deletes what sidecars went by and closes the way past it', async () => {
  mkdirSync(join(scratch, 'exported'))
  writeFileSync(join(scratch, 'exported', 'shop.yaml'), exported)
  const rehearse = ['migrate', 'rehearse', '-n', 'shop', '--from-files', 'exported', '--yes']
  const short = ['--rate', '60', '--settle', '1s', '--json', '--accept', 'MB051']
  const endings = ['--waypoint', 'always', '--clean-up', '--protect-from-bypass']
  const { code, stdout, stderr } = await startCli([...rehearse, ...short, ...endings], {
    cwd: scratch,
    timeoutMs: 170_000,
  }).finished
  const printed = JSON.parse(stdout) as Rehearsal & { files: string[] }
  assert.deepEqual([printed.verdict, printed.reasons, code], ['clean', [], 0], stderr)
  assert.deepEqual([printed.failedRequests, printed.podsRestarted], [0, 0])
  assert.deepEqual(
    printed.steps.filter(({ id }) => id.startsWith('S1')).map(({ id, outcome }) => [id, outcome]),
    [
      ['S10/shop', 'verified'],
      ['S12/shop', 'verified'],
      ['S13/shop', 'verified'],
      ['S14', 'verified'],
    ],
  )
  assert.deepEqual([...new Set(printed.callers.map(({ name }) => name))], ['inside'])
  const migrated = printed.carried.find(({ when }) => when === 'migrated')
  assert.equal(migrated?.ambientShare, 1)
  assert.ok((migrated?.atWaypoints ?? 0) > 0, 'connections come through the waypoint')
  const { waypoint, cleanUp, protectFromBypass } = printed.options
  assert.deepEqual([waypoint, cleanUp, protectFromBypass], ['always', true, true])
  assert.match(printed.source.leftOut.join(), /they go past the waypoint/)
  rehearsalSchema.parse(JSON.parse(readFileSync(printed.files[0] ?? '', 'utf8')))
})

test('exceptions from a guard that is not asked for are refused before anything starts', async () => {
  const argv = ['migrate', 'rehearse', '-n', 'a', '--workload', 'echo', '--allow-bypass', 'port:1']
  const { code, stderr } = await runCli(argv, scratch)
  assert.equal(code, 2)
  assert.match(stderr, /--allow-bypass makes exceptions from --protect-from-bypass/)
})
