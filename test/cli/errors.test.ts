import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runCli } from '../support/run-cli.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-cli-'))
after(() => rmSync(scratch, { recursive: true }))
const file = join(scratch, 'file')
writeFileSync(file, '')
const under = join(file, 'runs')
const nowhere = join(scratch, 'nowhere')

const refused: readonly [argv: readonly string[], ...lines: string[]][] = [
  [
    ['run', '--rate', '-5'],
    'error: --rate -5 is out of range',
    '  hint: --rate takes a number from 1 to 50000',
  ],
  [
    ['run', '--modes', 'sidecar,ambiant'],
    'error: --modes: there is no mode "ambiant"',
    '  hint: did you mean ambient? modes: baseline, sidecar, ambient, waypoint',
  ],
  [
    ['run', '--workload', 'chian'],
    'error: there is no workload named "chian"',
    '  hint: did you mean "chain"? (known workloads: echo, chain, fanout, shop, or a YAML file)',
  ],
  [
    ['run', '--out', under],
    `error: cannot write to ${under} (ENOTDIR)`,
    `  cause: ENOTDIR: not a directory, mkdir '${under}'`,
    '  hint: name a folder you may write to with --out DIR',
  ],
  [
    ['run', '--sweep', 'rat=1,2'],
    'error: --sweep knows no "rat"',
    '  hint: did you mean rate? write for example --sweep rate=100,300,1000; axes: rate, payload, connections, replicas, workloads-per-node',
  ],
  [
    ['run', '--sweep', 'rate=100'],
    'error: --sweep rate=100 needs two values or more',
    '  hint: write for example --sweep rate=100,300,1000',
  ],
  [
    ['run', '--sweep', 'rate=100,fast'],
    'error: --rate takes a number, not "fast"',
    '  hint: write for example --rate 4',
  ],
  [
    ['estimate', '--pods', '2', '--nodes', '1', '--rps', '10', '--price-per-gib', '3'],
    'error: one price alone makes no bill',
    '  hint: give both --price-per-vcpu and --price-per-gib',
  ],
  [
    ['run', '--durration', '5s'],
    "error: unknown option '--durration'",
    '  hint: Did you mean --duration? meshbench run --help lists what there is',
  ],
  [
    ['rum'],
    "error: unknown command 'rum'",
    '  hint: Did you mean run? meshbench --help lists what there is',
  ],
  [
    ['migrate', 'plna', '-n', 'shop'],
    "error: unknown command 'migrate plna'",
    '  hint: Did you mean plan? meshbench migrate --help lists what there is',
  ],
  [
    [
      'migrate',
      'plan',
      '-n',
      'shop',
      '--from-files',
      '.',
      '--accept',
      'mb051=AuthorizationPolicy shop/x',
    ],
    'error: --accept: no check is called "mb051"',
    '  hint: did you mean MB051? the plan names the code of each finding, from MB001 to MB090',
  ],
  [
    ['migrate', 'apply'],
    'error: no namespace was named',
    '  hint: name one with --namespace, as with kubectl',
  ],
  [
    ['run', '--baseline', 'baseline.json'],
    'error: --baseline is for the rules of --gates, and none are given',
    '  hint: add --gates gates.yaml; to start a baseline: meshbench gate RESULT --gates FILE --baseline FILE --update-baseline',
  ],
  [
    ['up', '--mode', 'ambinet'],
    'error: --mode: there is no mode "ambinet"',
    '  hint: did you mean ambient? modes: baseline, sidecar, ambient, waypoint',
  ],
  [
    ['up', '--kubeconfig', file],
    `error: --kubeconfig ${file} exists already`,
    '  hint: name a new file; delete this one if it is left from a playground that was killed',
  ],
  [
    ['up', '--workload', 'services.yaml'],
    'error: services.yaml does not exist',
    `  cause: ENOENT: no such file or directory, open 'services.yaml'`,
    '  hint: name a YAML file, or one of echo, chain, fanout, shop',
  ],
  [
    ['report'],
    "error: missing required argument 'result'",
    '  hint: name a run folder, for example .meshbench/latest, or --history DIR',
  ],
  [
    ['report', nowhere],
    `error: ${nowhere} does not exist`,
    `  cause: ENOENT: no such file or directory, open '${nowhere}'`,
    '  hint: name a run folder or its result.json, for example .meshbench/latest',
  ],
]

for (const [argv, ...lines] of refused) {
  const typed = argv.join(' ').replace(scratch, 'DIR')
  test(`meshbench ${typed} is refused with exit 2, before anything starts`, async () => {
    const { code, stdout, stderr } = await runCli(argv, scratch)
    assert.deepEqual(stderr.split('\n'), [...lines, ''])
    assert.equal(stdout, '')
    assert.equal(code, 2)
    assert.deepEqual(readdirSync(scratch), ['file'])
  })
}

test('with --json an error is also one JSON document', async () => {
  const { code, stdout } = await runCli(['run', '--rate', 'x', '--json'], scratch)
  const { error } = JSON.parse(stdout) as { error: Record<string, unknown> }
  assert.equal(code, 2)
  assert.equal(error.exitCode, 2)
  assert.equal(error.message, '--rate takes a number, not "x"')
})

test('--verbose adds the stack', async () => {
  const { stderr } = await runCli(['run', '--rate', 'x', '--verbose'], scratch)
  assert.match(stderr, /\n {4}at parseNumber /)
})
