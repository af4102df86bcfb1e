import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { readResult } from '../../harness/result/read.ts'
import type { Result } from '../../harness/result/schema.ts'
import { commandLine, descendantsOf, isAlive } from '../support/process-tree.ts'
import { type CliResult, startCli } from '../support/run-cli.ts'

const skip = process.platform === 'linux' ? false : 'looks at processes through /proc'
const scratch = mkdtempSync(join(tmpdir(), 'meshbench-run-'))
const started: ChildProcess[] = []
after(() => {
  for (const child of started) child.kill('SIGKILL')
  rmSync(scratch, { recursive: true })
})

const short = ['--rounds', '1', '--duration', '1s', '--warmup', '500ms', '--rate', '100']
const long = ['--rounds', '1', '--duration', '60s', '--warmup', '500ms', '--rate', '50']

function start(name: string, ...argv: string[]) {
  const out = join(scratch, name)
  const cli = startCli(['run', '--out', out, ...argv], { timeoutMs: 90_000, ownGroup: true })
  started.push(cli.child)
  return { ...cli, out, result: () => readResult(join(out, 'latest')) }
}

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

test('a graph of HTTP and gRPC services loses no request in any mode', { skip }, async () => {
  const file = join(scratch, 'mixed.yaml')
  writeFileSync(
    file,
    `defaults: { responseSize: 1k, requestSize: 256 }
services:
- { name: web, isEntrypoint: true, script: [ { call: cart } ] }
- { name: cart, type: grpc, numReplicas: 2, script: [ [ { call: stock }, { call: price } ] ] }
- { name: stock, type: grpc }
- { name: price }
`,
  )
  const run = start('grpc', ...short, '--rate', '50', '--workload', file, '--json')
  const ended = await run.finished
  const result = run.result()
  assert.deepEqual(Object.keys(result.modes).sort(), ['ambient', 'baseline', 'sidecar', 'waypoint'])
  assertAllAnswered(result, ended)
})

test('a run measures every mode, writes its folder and leaves no process', { skip }, async () => {
  const run = start('all', ...short, '--json')
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

test('after kill -9 no child is left two seconds later', { skip }, async () => {
  const run = start('killed', ...long, '--modes', 'sidecar,waypoint')
  await run.sees('measuring')
  const children = descendantsOf(run.child.pid ?? 0)
  assert.ok(children.length >= 9, `${children.length} processes`)
  run.child.kill('SIGKILL')
  await run.finished
  await sleep(2_000)
  assert.deepEqual(children.filter(isAlive).map(commandLine), [])
})

// A terminal sends Ctrl-C to every process of the group, a supervisor only to the one it started.
const ways = [
  ['Ctrl-C in a terminal', (pid: number) => process.kill(-pid, 'SIGINT')],
  ['SIGTERM to the command', (pid: number) => process.kill(pid, 'SIGTERM')],
] as const
for (const [name, stop] of ways) {
  test(`${name} mid-window ends the run with 130 in five seconds and says so`, {
    skip,
  }, async () => {
    const run = start(name.replaceAll(' ', '-'), ...long, '--modes', 'baseline,waypoint')
    await run.sees('measuring')
    const pid = run.child.pid ?? 0
    const children = descendantsOf(pid)
    await sleep(1_000)
    const startedAt = performance.now()
    stop(pid)
    const ended = await run.finished
    const tookMs = performance.now() - startedAt
    assert.equal(ended.code, 130, ended.stderr)
    assert.ok(tookMs < 5_000, `${tookMs} ms`)
    assert.equal(run.result().status, 'interrupted')
    await sleep(500)
    assert.deepEqual(children.filter(isAlive).map(commandLine), [])
  })
}

test('a signal during deployment leaves an interrupted run folder too', { skip }, async () => {
  const run = start('early', ...long)
  await run.sees('deploying')
  run.child.kill('SIGINT')
  const ended = await run.finished
  assert.equal(ended.code, 130, ended.stderr)
  assert.equal(run.result().status, 'interrupted')
})

test('a ztunnel killed mid-window makes that window invalid, and the run ends', {
  skip,
}, async () => {
  const run = start(
    'crash',
    '--modes',
    'ambient',
    '--rounds',
    '2',
    '--duration',
    '4s',
    '--rate',
    '100',
  )
  await run.sees('round 1 of 2')
  // Past the warm-up of 2 s, in the middle of the window.
  await sleep(4_000)
  const victim = descendantsOf(run.child.pid ?? 0).find((pid) =>
    commandLine(pid).includes('ztunnel'),
  )
  assert.ok(victim !== undefined)
  process.kill(victim, 'SIGKILL')
  const ended = await run.finished
  assert.equal(ended.code, 3, ended.stderr)
  const { windows } = run.result().modes.ambient ?? { windows: [] }
  assert.equal(windows.length, 2)
  assert.ok(
    windows[0]?.findings.some(
      ({ code, severity }) => code === 'proxy-restarted' && severity === 'error',
    ),
    JSON.stringify(windows[0]?.findings),
  )
  assert.ok(!windows[1]?.findings.some(({ code }) => code === 'proxy-restarted'))
})
