import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Result } from '../../harness/result/schema.ts'
import { descendantsOf, isAlive } from '../support/process-tree.ts'
import type { CliResult } from '../support/run-cli.ts'
import { short, startedRuns } from '../support/started-runs.ts'

const skip = process.platform === 'linux' ? false : 'looks at processes through /proc'
const { scratch, start } = startedRuns()

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
}

function assertAllAnswered(result: Result, ended: CliResult): void {
  for (const [mode, { windows, verified }] of Object.entries(result.modes)) {
    assert.deepEqual([mode, verified.ok], [mode, true], verified.evidence.join('\n'))
    for (const { outcomes, arrivals } of windows) {
      const { ok, ...failures } = outcomes
      const none = { non2xx: 0, timeout: 0, reset: 0, connectFailed: 0, unanswered: 0 }
      assert.deepEqual(failures, none, `${mode}: ${ended.stderr}`)
      assert.equal(ok, arrivals)
    }
  }
}

const graph = `defaults: { responseSize: 1k, requestSize: 256 }
services:
- { name: web, isEntrypoint: true, script: [ { call: cart } ] }
- { name: cart, type: grpc, numReplicas: 2, script: [ [ { call: stock }, { call: price } ] ] }
- { name: stock, type: grpc }
- { name: price }
`

test('a run measures a graph of HTTP and gRPC services in every mode, loses no request, writes its folder and leaves no process', {
  skip,
}, async () => {
  const file = join(scratch, 'graph.yaml')
  writeFileSync(file, graph)
  const run = start('all', ...short, '--rate', '50', '--workload', file, '--json')
  const pid = run.child.pid ?? 0
  await run.sees('measuring')
  const children = descendantsOf(pid)
  assert.ok(children.length >= 13, `${children.length} processes while measuring`)
  const [kubeconfig = ''] = filesIn(run.out).filter((path) => path.endsWith('/kubeconfig'))
  const token = /token: "?([\w-]{40,})/.exec(readFileSync(kubeconfig, 'utf8'))?.[1] ?? ''
  assert.notEqual(token, '')
  const ended = await run.finished
  const printed = JSON.parse(ended.stdout) as {
    folder: string
    files: string[]
    findings: { code: string; severity: string }[]
  }
  // What a machine that is busy with other things may cause, and nothing else.
  const machine = ['generator-late', 'saturated', 'mode-without-window']
  const errors = printed.findings.filter(({ severity }) => severity === 'error')
  assert.deepEqual(
    errors.filter(({ code }) => !machine.includes(code)),
    [],
  )
  assert.equal(ended.code, errors.length === 0 ? 0 : 3, ended.stderr)
  for (const file of printed.files) assert.ok(existsSync(file), file)
  const files = ['report.html', 'result.json', 'summary.csv', 'summary.md', 'windows.csv']
  const present = readdirSync(printed.folder)
  assert.deepEqual(
    files.filter((file) => !present.includes(file)),
    [],
  )
  const texts = filesIn(run.out).map((path) => readFileSync(path, 'utf8'))
  for (const text of [...texts, ended.stdout, ended.stderr]) {
    assert.equal(text.includes(token), false, 'the token of the cluster stays in its kubeconfig')
  }
  const result = run.result()
  assert.deepEqual(Object.keys(result.modes), ['baseline', 'sidecar', 'ambient', 'waypoint'])
  assertAllAnswered(result, ended)
  assert.deepEqual(children.filter(isAlive), [])
})

test('two runs at once do not disturb each other', { skip }, async () => {
  const runs = ['one', 'two'].map((name) =>
    start(name, ...short, '--modes', 'baseline,sidecar,ambient'),
  )
  for (const run of runs) {
    const ended = await run.finished
    // Two runs on two cores may make the figures doubtful; they must not make requests fail.
    assert.ok(ended.code === 0 || ended.code === 3, ended.stderr)
    assertAllAnswered(run.result(), ended)
  }
})
