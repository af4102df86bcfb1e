import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { connectCluster } from '../../cluster/client/connect.ts'
import type { PodState } from '../../harness/playground/pods.ts'
import { commandLine, descendantsOf, isAlive } from '../support/process-tree.ts'
import { startCli } from '../support/run-cli.ts'

const skip = process.platform === 'linux' ? false : 'looks at processes through /proc'
const withKubectl = spawnSync('kubectl', ['version', '--client']).status === 0
const scratch = mkdtempSync(join(tmpdir(), 'meshbench-up-test-'))
const started: ChildProcess[] = []
after(() => {
  for (const child of started) child.kill('SIGKILL')
  rmSync(scratch, { recursive: true })
})

interface Line {
  readonly event: 'ready' | 'status' | 'notice'
  readonly kubeconfigPath: string
  readonly namespace: string
  readonly pods: readonly PodState[]
  readonly load: { requestsPerSecond: number; failed: number; failures: object } | null
}

function start(...argv: string[]) {
  const cli = startCli(['up', '--json', ...argv], { timeoutMs: 90_000, ownGroup: true })
  started.push(cli.child)
  const lines: Line[] = []
  let rest = ''
  cli.child.stdout?.on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts.map((part) => JSON.parse(part) as Line))
  })
  /** The first line from now on that the predicate holds for. */
  const line = async (holds: (line: Line) => boolean): Promise<Line> => {
    for (let next = lines.length; ; next += 1) {
      while (lines.length <= next) {
        const ended = await Promise.race([
          cli.finished,
          once(cli.child.stdout ?? cli.child, 'data').then(() => undefined),
        ])
        if (ended !== undefined) throw new Error(`it ended: ${ended.stderr}`)
      }
      const found = lines[next]
      if (found !== undefined && holds(found)) return found
    }
  }
  return { ...cli, pid: cli.child.pid ?? 0, lines, line }
}

const capturedBy =
  (captor: string) =>
  ({ event, pods }: Line): boolean =>
    event === 'status' && pods.length > 0 && pods.every((pod) => pod.capturedBy === captor)
const failures = (lines: readonly Line[]) => lines.map(({ load }) => load?.failures ?? {})

test('a label moves running pods into the mesh and out again, and Ctrl-C leaves nothing', {
  skip,
}, async () => {
  const up = start('--workload', 'chain', '--rate', '25')
  const { kubeconfigPath, namespace } = await up.line(({ event }) => event === 'ready')
  const first = await up.line(({ load }) => (load?.requestsPerSecond ?? 0) > 0)
  assert.equal(first.pods.length, 4)
  assert.ok(capturedBy('none')(first))
  assert.equal(statSync(kubeconfigPath).mode & 0o777, 0o600)

  const children = descendantsOf(up.pid)
  const client = await connectCluster({ kubeconfigPath })
  const ref = { apiVersion: 'v1', kind: 'Namespace', name: namespace }
  const label = (mode: string | null) =>
    client.patch(ref, 'merge', { metadata: { labels: { 'istio.io/dataplane-mode': mode } } })
  await label('ambient')
  const captured = await up.line(capturedBy('ztunnel'))
  await label(null)
  const released = await up.line(capturedBy('none'))
  for (const { pods } of [captured, released]) {
    const same = pods.map(({ name, restarts }) => [name, restarts])
    assert.deepEqual(
      same,
      first.pods.map(({ name }) => [name, 0]),
    )
  }
  assert.deepEqual(descendantsOf(up.pid), children, 'no process was replaced')
  assert.deepEqual(
    failures(up.lines).filter((each) => Object.keys(each).length > 0),
    [],
  )

  // As a terminal does: to the whole group.
  process.kill(-up.pid, 'SIGINT')
  const ended = await up.finished
  assert.equal(ended.code, 0, ended.stderr)
  assert.deepEqual(children.filter(isAlive).map(commandLine), [])
  assert.equal(existsSync(dirname(kubeconfigPath)), false)
})

test('two playgrounds at once have a cluster each; kubectl labels one of them', {
  skip,
}, async () => {
  const copy = join(scratch, 'kubeconfig')
  const [one, two] = [
    start('--workload', 'echo', '--kubeconfig', copy),
    start('--workload', 'echo', '--mode', 'sidecar'),
  ]
  const [first, second] = await Promise.all([
    one.line(({ event }) => event === 'ready'),
    two.line(({ event }) => event === 'ready'),
  ])
  assert.equal(first.kubeconfigPath, copy)
  assert.equal(statSync(copy).mode & 0o777, 0o600)
  assert.notEqual(second.kubeconfigPath, copy)
  const sidecars = await two.line(({ load }) => (load?.requestsPerSecond ?? 0) > 0)
  assert.ok(capturedBy('sidecar')(sidecars), JSON.stringify(sidecars))
  if (withKubectl) {
    const argv = ['label', 'namespace', 'echo', 'istio.io/dataplane-mode=ambient']
    execFileSync('kubectl', argv, { env: { ...process.env, KUBECONFIG: copy } })
    await one.line(capturedBy('ztunnel'))
    const after = await two.line(({ event }) => event === 'status')
    assert.ok(capturedBy('sidecar')(after))
  }
  for (const each of [one, two]) {
    each.child.kill('SIGTERM')
    const ended = await each.finished
    assert.equal(ended.code, 0, ended.stderr)
  }
  assert.equal(existsSync(copy), false)
})

test('with --istio-semantics only pods created after the enrolment leave their sidecars', {
  skip,
}, async () => {
  const up = start('--workload', 'echo', '--mode', 'sidecar', '--istio-semantics')
  const { kubeconfigPath, namespace } = await up.line(({ event }) => event === 'ready')
  const before = await up.line(capturedBy('sidecar'))
  const client = await connectCluster({ kubeconfigPath })
  const labels = { 'istio-injection': null, 'istio.io/dataplane-mode': 'ambient' }
  const ref = { apiVersion: 'v1', kind: 'Namespace', name: namespace }
  await client.patch(ref, 'merge', { metadata: { labels } })
  const old = before.pods.find(({ name }) => name.startsWith('echo-'))?.name ?? ''
  await client.delete({ apiVersion: 'v1', kind: 'Pod', name: old, namespace })
  const isNew = ({ name }: PodState): boolean => !before.pods.some((pod) => pod.name === name)
  const { pods } = await up.line(
    ({ event, pods }) =>
      event === 'status' &&
      pods.some((pod) => isNew(pod) && !['none', 'pending'].includes(pod.capturedBy)),
  )
  for (const pod of pods) {
    assert.equal(pod.capturedBy, isNew(pod) ? 'ztunnel' : 'sidecar', pod.name)
  }
  up.child.kill('SIGINT')
  assert.equal((await up.finished).code, 0)
})

test('the load comes back after the generator was restarted', { skip }, async () => {
  const up = start('--workload', 'echo')
  const { kubeconfigPath, namespace } = await up.line(({ event }) => event === 'ready')
  const before = await up.line(({ load }) => (load?.requestsPerSecond ?? 0) > 0)
  const generator = before.pods.find(({ name }) => name.startsWith('load-'))?.name ?? ''
  const client = await connectCluster({ kubeconfigPath })
  await client.delete({ apiVersion: 'v1', kind: 'Pod', name: generator, namespace })
  await up.line(({ event, load }) => event === 'status' && load === null)
  const again = await up.line(({ load }) => (load?.requestsPerSecond ?? 0) > 0)
  assert.ok(!again.pods.some(({ name, ready }) => name === generator && ready))
  up.child.kill('SIGINT')
  assert.equal((await up.finished).code, 0)
})

test('a signal before the playground is up ends it with 130 and leaves nothing', {
  skip,
}, async () => {
  const up = start('--workload', 'echo')
  await up.sees('starting echo')
  const children = descendantsOf(up.pid)
  up.child.kill('SIGINT')
  const ended = await up.finished
  assert.equal(ended.code, 130, ended.stderr)
  assert.equal(ended.stdout, '')
  assert.deepEqual(children.filter(isAlive).map(commandLine), [])
})

test('people get the line to copy and what the playground is doing; the token is nowhere else', {
  skip,
}, async () => {
  const cli = startCli(['up', '--workload', 'echo', '--mode', 'sidecar', '--rate', '30'], {
    timeoutMs: 90_000,
  })
  started.push(cli.child)
  let printed = ''
  const shows = (wanted: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = wanted.exec(printed)
        if (found !== null) resolve(found)
      }
      cli.child.stdout?.on('data', (chunk: string) => {
        printed += chunk
        look()
      })
      void cli.finished.then(({ stderr }) => reject(new Error(`${stderr}${printed}`)))
    })
  const [, kubeconfigPath = ''] = await shows(/^ {2}export KUBECONFIG=(\S+)$/m)
  await shows(
    /^0:\d\d {2}2 pods ready, captured by: sidecar 2 · [1-9]\d*\.\d req\/s · 0 failed · p50 [\d.]+ ms · p99 [\d.]+ ms$/m,
  )
  const token = /token: "?([\w-]{40,})/.exec(readFileSync(kubeconfigPath, 'utf8'))?.[1] ?? ''
  assert.equal(Buffer.from(token, 'base64url').length, 32)
  const pid = cli.child.pid ?? 0
  const tree = [pid, ...descendantsOf(pid)]
  assert.ok(tree.length > 5, 'applications, generator and sidecars')
  for (const one of tree) {
    assert.equal(commandLine(one).includes(token), false, commandLine(one))
    assert.equal(readFileSync(`/proc/${one}/environ`, 'utf8').includes(token), false)
  }
  const folder = dirname(kubeconfigPath)
  const logs = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => path !== kubeconfigPath && statSync(path).isFile())
  assert.ok(logs.length > 0)
  for (const path of logs) assert.equal(readFileSync(path, 'utf8').includes(token), false, path)
  cli.child.kill('SIGINT')
  const ended = await cli.finished
  assert.equal(ended.code, 0, ended.stderr)
  assert.equal(`${ended.stdout}${ended.stderr}`.includes(token), false)
})
