import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { connectCluster } from '../../cluster/client/connect.ts'
import {
  noTerminal,
  type OnTerminal,
  screenAfter,
  startOnTerminal,
} from '../support/on-terminal.ts'
import { commandLine, descendantsOf, isAlive } from '../support/process-tree.ts'
import { startCli } from '../support/run-cli.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-up-terminal-'))
const started: OnTerminal[] = []
after(() => {
  for (const { child } of started) child.kill('SIGKILL')
  rmSync(scratch, { recursive: true })
})

interface ShownPod {
  readonly name: string
  readonly node: string
  readonly ready: string
  readonly restarts: string
  readonly capturedBy: string
}

/** What a person reads off the screen. */
interface Seen {
  readonly kubeconfigPath: string
  readonly load: string
  readonly pods: readonly ShownPod[]
  /** From the headline to the last pod, as it stands there. */
  readonly block: readonly string[]
}

function read(terminal: OnTerminal): Seen {
  const lines = screenAfter(terminal.shown())
  const top = lines.findIndex((line) => / under \d+ req\/s for \d+:\d\d$/.test(line))
  const block = top < 0 ? [] : lines.slice(top).filter((line) => line !== '')
  const pods = block.slice(3).map((line): ShownPod => {
    const [name = '', node = '', ready = '', restarts = '', capturedBy = ''] = line.split(/ {2,}/)
    return { name, node, ready, restarts, capturedBy }
  })
  const path = lines.map((line) => /^ {2}export KUBECONFIG=(\S+)$/.exec(line)?.[1])
  return {
    kubeconfigPath: path.find((each) => each !== undefined) ?? '',
    load: block[1] ?? '',
    pods,
    block,
  }
}

const large = { columns: 100, rows: 30 }

function playground(argv: readonly string[], size?: typeof large): OnTerminal {
  const terminal = startOnTerminal(['up', '--workload', 'echo', ...argv], {
    cwd: scratch,
    env: { TERM: 'xterm' },
    ...(size !== undefined && { size }),
    timeoutMs: 90_000,
  })
  started.push(terminal)
  return terminal
}

/** The screen once it is as wanted. */
async function sees(terminal: OnTerminal, holds: (seen: Seen) => boolean): Promise<Seen> {
  await terminal.until((shown) => shown.endsWith('\n') && holds(read(terminal)))
  return read(terminal)
}

const flowing = ({ load }: Seen): boolean => /^last 10 s: [1-9]\d*\.\d req\/s · 0 failed/.test(load)
const capturedBy =
  (captor: string) =>
  ({ pods }: Seen): boolean =>
    pods.length === 2 && pods.every((pod) => pod.capturedBy === captor)

test('a terminal shows each pod and its captor, rate, errors and p99 in place, until Ctrl-C', {
  skip: noTerminal,
}, async () => {
  const terminal = playground(['--rate', '30'], large)
  const first = await sees(terminal, (seen) => flowing(seen) && capturedBy('none')(seen))
  assert.match(first.block[0] ?? '', /^echo under 30 req\/s for 0:\d\d$/)
  assert.match(first.block[2] ?? '', /^POD +NODE +READY +RESTARTS +CAPTURED BY$/)
  const rate = Number(/([\d.]+) req\/s/.exec(first.load)?.[1])
  assert.ok(rate > 20 && rate < 40, first.load)
  assert.match(first.load, / · 0 failed · p50 [\d.]+ ms · p99 [\d.]+ ms$/)

  const client = await connectCluster({ kubeconfigPath: first.kubeconfigPath })
  const pods = await client.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace: 'echo' })
  assert.deepEqual(
    first.pods.map(({ name }) => name),
    pods.map(({ metadata }) => metadata.name).sort(),
  )
  for (const { node, ready, restarts } of first.pods) {
    assert.match(node, /^node-\d$/)
    assert.deepEqual([ready, restarts], ['1/1', '0'])
  }

  const namespace = { apiVersion: 'v1', kind: 'Namespace', name: 'echo' }
  const label = (mode: string | null) =>
    client.patch(namespace, 'merge', { metadata: { labels: { 'istio.io/dataplane-mode': mode } } })
  await label('ambient')
  const enrolled = await sees(terminal, capturedBy('ztunnel'))
  assert.deepEqual(
    enrolled.pods.map(({ name, restarts }) => [name, restarts]),
    first.pods.map(({ name }) => [name, '0']),
  )
  // Drawn over, not below.
  assert.equal(enrolled.block.length, first.block.length)
  await label(null)
  await sees(terminal, capturedBy('none'))

  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'echo', namespace: 'echo' }
  await client.patch(deployment, 'merge', { spec: { replicas: 0 } })
  const broken = await sees(terminal, ({ load }) => / [1-9]\d* failed /.test(load))
  const [, failed, causes = ''] = / · (\d+) failed \(([^)]+)\) · /.exec(broken.load) ?? []
  const counts = causes.split(', ').map((cause) => Number(cause.split(': ')[1]))
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    Number(failed),
    broken.load,
  )
  const alone = await sees(terminal, (seen) => seen.pods.length === 1)
  assert.match(alone.pods[0]?.name ?? '', /^load-/)

  const children = descendantsOf(terminal.child.pid ?? 0)
  assert.ok(children.length > 1)
  terminal.pressCtrlC()
  assert.equal(await terminal.ended, 0)
  assert.match(screenAfter(terminal.shown()).join('\n'), /SIGINT: stopping/)
  assert.deepEqual(children.filter(isAlive).map(commandLine), [])
  assert.equal(existsSync(dirname(first.kubeconfigPath)), false)
})

test('a second playground beside it has an API server of its own; Ctrl-C before it is up says 130', {
  skip: noTerminal,
}, async () => {
  const [one, two] = [playground([], large), playground(['--mode', 'sidecar'], large)]
  const [first, second] = await Promise.all([sees(one, flowing), sees(two, flowing)])
  const [here, there] = [first, second].map(
    ({ kubeconfigPath }) => /server: "?(\S+?)"?$/m.exec(readFileSync(kubeconfigPath, 'utf8'))?.[1],
  )
  assert.match(here ?? '', /^https:\/\/127\.0\.0\.1:\d+$/)
  assert.match(there ?? '', /^https:\/\/127\.0\.0\.1:\d+$/)
  assert.notEqual(here, there)
  assert.ok(capturedBy('none')(first), first.block.join('\n'))
  assert.ok(capturedBy('sidecar')(second), second.block.join('\n'))

  const third = playground([], large)
  await third.until((shown) => shown.includes('starting echo'))
  const children = descendantsOf(third.child.pid ?? 0)
  for (const each of [one, two, third]) each.pressCtrlC()
  assert.deepEqual(await Promise.all([one.ended, two.ended, third.ended]), [0, 0, 130])
  assert.deepEqual(children.filter(isAlive).map(commandLine), [])
})

test('a small terminal shows as many pods as fit; one that tells no size counts as 80 by 24', {
  skip: noTerminal,
}, async () => {
  const [small, unknown] = [playground([], { columns: 40, rows: 7 }), playground([])]
  const [cut, whole] = await Promise.all([sees(small, flowing), sees(unknown, flowing)])
  assert.deepEqual(
    cut.block.filter(({ length }) => length > 39),
    [],
  )
  assert.equal(cut.block.at(-1), 'and 2 more: kubectl get pods -A')
  assert.ok(cut.block.length < 7, cut.block.join('\n'))
  assert.ok(capturedBy('none')(whole), whole.block.join('\n'))
  assert.match(whole.load, /p99 [\d.]+ ms$/)
  for (const each of [small, unknown]) each.pressCtrlC()
  assert.deepEqual(await Promise.all([small.ended, unknown.ended]), [0, 0])
})

test('without a terminal no control characters come out', {
  skip: process.platform === 'linux' ? false : 'the embedded cluster needs Linux',
}, async () => {
  const cli = startCli(['up', '--workload', 'echo', '--rate', '30'], { timeoutMs: 60_000 })
  let printed = ''
  await new Promise<void>((resolve, reject) => {
    cli.child.stdout?.on('data', (chunk: string) => {
      printed += chunk
      if (/ p99 [\d.]+ ms\n/.test(printed)) resolve()
    })
    void cli.finished.then(({ stderr }) => reject(new Error(`${stderr}${printed}`)))
  })
  cli.child.kill('SIGINT')
  const { code, stdout, stderr } = await cli.finished
  assert.equal(code, 0, stderr)
  assert.doesNotMatch(`${stdout}${stderr}`, /[^\P{Cc}\n]/u)
})
