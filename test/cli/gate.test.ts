import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { writeResult } from '../../harness/result/write.ts'
import { makeResult } from '../fixtures/result.ts'
import { runCli } from '../support/run-cli.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-gate-'))
after(() => rmSync(scratch, { recursive: true }))

function place(name: string, recipe: Parameters<typeof makeResult>[0]): void {
  mkdirSync(join(scratch, name))
  const made = makeResult({ modes: ['sidecar', 'ambient'], ...recipe })
  writeResult(join(scratch, name), { ...made, runId: name })
}
for (const seed of [1, 2, 3, 4]) place(`run-${seed}`, { seed })
place('short', { rounds: 2 })

function rules(name: string, ...lines: string[]): string {
  writeFileSync(join(scratch, name), `rules:\n${lines.map((line) => `  - ${line}\n`).join('')}`)
  return name
}
const gate = (...argv: string[]) => runCli(['gate', ...argv], scratch)

const kept = rules('kept.yaml', '{ metric: latencyP99Ms, mode: ambient, max: 5 ms }')
const broken = rules(
  'broken.yaml',
  '{ metric: latencyP99Ms, mode: ambient, max: 5 ms }',
  '{ metric: latencyP99Ms, mode: ambient, max: 1 ms }',
)
const saved = rules(
  'saved.yaml',
  '{ metric: latencyP99Ms, mode: ambient, against: saved, max: 20 % }',
)

test('rules that hold end with 0, a rule that does not with 1, and both say what they found', async () => {
  const good = await gate('run-1', '--gates', kept)
  assert.equal(good.code, 0, good.stderr)
  assert.match(good.stdout, /^pass {2}Latency p99 of ambient: at most 5 ms\n/)
  assert.match(good.stdout, /\n {6}found {5}3\.\d\d? ms \[[23]\.\d\d?, 3\.\d\d?\]\n/)
  assert.match(good.stdout, /\ngates 1 passed\n$/)
  const bad = await gate('run-1', '--gates', broken)
  assert.equal(bad.code, 1)
  assert.match(bad.stdout, /\nFAIL {2}/)
})

test('with --json stdout is one document with the exit code and every value', async () => {
  const { code, stdout } = await gate('run-1', '--gates', broken, '--json')
  const printed = JSON.parse(stdout) as Record<string, unknown> & {
    outcomes: { verdict: string; values: number[]; line: number }[]
  }
  assert.equal(code, 1)
  assert.deepEqual([printed.exitCode, printed.verdict, printed.runId], [1, 'fail', 'run-1'])
  assert.deepEqual(
    printed.outcomes.map(({ verdict, values, line }) => [verdict, values.length, line]),
    [
      ['pass', 6, 2],
      ['fail', 6, 3],
    ],
  )
})

test('too few windows to judge end with 3', async () => {
  const { code, stdout } = await gate('short', '--gates', kept)
  assert.equal(code, 3)
  assert.match(stdout, /^OPEN .*\n.*\n.*\n +because +2 of at least 3 windows/)
})

test('a missing baseline ends with 4 and says how to make one, which then counts', async () => {
  const file = join('made', 'baseline.json')
  const missing = await gate('run-1', '--gates', saved, '--baseline', file)
  assert.equal(missing.code, 4)
  assert.match(missing.stderr, /^error: .*baseline\.json does not exist\n {2}hint: .*--update-base/)
  assert.ok(!existsSync(join(scratch, file)))
  const unnamed = await gate('run-1', '--gates', saved)
  assert.equal(unnamed.code, 4)
  assert.match(unnamed.stderr, /no --baseline is given/)

  const update = ['--gates', saved, '--baseline', file, '--update-baseline', '--allow-no-baseline']
  const first = await gate('run-1', ...update)
  assert.equal(first.code, 0, first.stderr)
  assert.match(first.stdout, /\nbaseline .*baseline\.json has 1 run now\n$/)
  for (const name of ['run-2', 'run-3']) assert.equal((await gate(name, ...update)).code, 0)
  const later = await gate('run-4', '--gates', saved, '--baseline', file)
  assert.equal(later.code, 0, later.stdout)
  assert.match(later.stdout, /^pass /)
})

test('a run that fails is kept out of the baseline', async () => {
  const { code, stdout } = await gate(
    ...['run-1', '--gates', broken, '--baseline', 'never.json', '--update-baseline'],
  )
  assert.equal(code, 1)
  assert.match(stdout, /baseline not changed: a rule failed/)
  assert.ok(!existsSync(join(scratch, 'never.json')))
})

test('the JUnit file is written whole, the summary is appended to', async () => {
  writeFileSync(join(scratch, 'summary.md'), 'before\n')
  const argv = ['run-1', '--gates', broken, '--junit', 'made-too/gates.xml']
  await gate(...argv, '--summary', 'summary.md')
  const junit = readFileSync(join(scratch, 'made-too', 'gates.xml'), 'utf8')
  assert.match(junit, /<testsuites name="meshbench" tests="2" failures="1" errors="0"/)
  assert.match(readFileSync(join(scratch, 'summary.md'), 'utf8'), /^before\n### meshbench: chain\n/)
})

test('mistakes in the file are told by line and column with a suggestion, all at once', async () => {
  writeFileSync(
    join(scratch, 'wrong.yaml'),
    [
      'rules:',
      '  - metric: latencyP9Ms',
      '    mode: ambiant',
      '    mx: 3',
      '  - metric: latencyP99Ms',
      '    mode: ambient',
      '    max: 10 us',
      '  - metric: latencyP99Ms',
      '    mode: ambient',
      '    max: 10 %',
      '  - mode: ambient',
      '    max: 3',
      '',
    ].join('\n'),
  )
  const { code, stdout, stderr } = await gate('run-1', '--gates', 'wrong.yaml')
  assert.deepEqual([code, stdout], [2, ''])
  assert.deepEqual(
    stderr.split('\n').map((line) => line.trim().replace(/(some of them: proxyCpuCores).*/, '$1')),
    [
      'error: wrong.yaml:2:13: there is no metric "latencyP9Ms"; did you mean latencyP90Ms?',
      'wrong.yaml:3:11: there is no mode "ambiant"; did you mean ambient?',
      'wrong.yaml:4:5: there is no setting "mx"; did you mean max?',
      'wrong.yaml:7:10: "10 us": latencyP99Ms is in ms',
      'wrong.yaml:10:10: "10 %" has nothing to be a percentage of: add against: MODE or saved',
      'wrong.yaml:11:5: metric is missing; some of them: proxyCpuCores',
      'hint: meshbench-gates.schema.json describes the file, for editors too',
      '',
    ],
  )
})

const rule = 'rules:\n  - { metric: achievedRate, mode: ambient'
const refused: readonly [string, string, RegExp][] = [
  ['a list that never ends', 'rules: [\n - a\n', /:2:\d+: .*\n {2}hint: check the indentation/],
  ['no rule', 'rules: []\n', /:1:8: rules is empty\n {2}hint: it has at least 1/],
  ['an empty file', '', /:1:1: the file is empty\n {2}hint: it takes settings, one "name: value"/],
  ['a word for a number', 'confirm: many\n', /:1:10: confirm takes a number, not "many"/],
  ['too many tries', `confirm: 9\n${rule}, max: 1 }\n`, /:1:10: confirm is 9\n {2}hint: .* most 5/],
  [
    'a list for a limit',
    `${rule}, max: [1] }\n`,
    /:2:49: max takes a number, .*not a list\n.*"5 ms"/,
  ],
  ['a limit left empty', `${rule}, max: }\n`, /: max is empty\n {2}hint: write for example 5/],
  ['a rule that is none', 'rules:\n  - 5\n', /:2:5: rule 1 takes settings, .* not 5/],
  [
    'max and min',
    'rules:\n  - { metric: achievedRate, mode: ambient, max: 1, min: 1 }\n',
    /:2:15: a rule has either max or min/,
  ],
  [
    'a mode against itself',
    'rules:\n  - { metric: achievedRate, mode: ambient, against: ambient, max: 1 }\n',
    /:2:53: ambient against itself/,
  ],
  [
    'a floor beside a saving',
    'rules:\n  - { metric: proxyPssMiB, mode: ambient, against: sidecar, max: -5 %, floor: 1 }\n',
    /: floor stands beside a percentage/,
  ],
]
for (const [what, text, message] of refused) {
  test(`a gates file with ${what} is refused with exit 2`, async () => {
    writeFileSync(join(scratch, 'bad.yaml'), text)
    const { code, stderr } = await gate('run-1', '--gates', 'bad.yaml')
    assert.equal(code, 2)
    assert.match(stderr, message)
  })
}

test('files that are missing or no baseline are refused with exit 2', async () => {
  assert.match((await gate('run-1', '--gates', 'none.yaml')).stderr, /none\.yaml does not exist/)
  writeFileSync(join(scratch, 'odd.json'), '{"schemaVersion": 1}')
  const odd = await gate('run-1', '--gates', saved, '--baseline', 'odd.json')
  assert.equal(odd.code, 2)
  assert.match(odd.stderr, /^error: odd\.json is no baseline: /)
  const both = await gate('run-1', '--gates', saved, '--update-baseline')
  assert.equal(both.code, 2)
  assert.match((await gate('run-1')).stderr, /required option '--gates <file>' not specified/)
})
