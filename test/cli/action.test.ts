import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { parse } from 'yaml'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-action-'))
after(() => rmSync(scratch, { recursive: true }))

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>
  readonly runs: {
    readonly steps: readonly {
      readonly run: string
      readonly env: Readonly<Record<string, string>>
    }[]
  }
}
const path = resolve(import.meta.dirname, '../../../action.yml')
const action = parse(readFileSync(path, 'utf8')) as Action
const fake = join(import.meta.dirname, '../support/fake-meshbench.js')

/** The step as a runner would run it: inputs in the environment, two files to write to. */
function act(
  name: string,
  inputs: Readonly<Record<string, string>>,
  runner: Readonly<Record<string, string>> = {},
) {
  const cwd = join(scratch, name)
  mkdirSync(cwd, { recursive: true })
  const rule = '{ metric: latencyP99Ms, mode: ambient, max: '
  writeFileSync(join(cwd, 'kept.yaml'), `rules:\n  - ${rule}9 ms }\n`)
  writeFileSync(join(cwd, 'broken.yaml'), `rules:\n  - ${rule}1 ms }\n`)
  writeFileSync(join(cwd, 'saved.yaml'), `rules:\n  - ${rule}20 %, against: saved }\n`)
  const [step] = action.runs.steps
  assert.ok(step !== undefined)
  const given = { command: `${process.execPath} ${fake}`, ...inputs }
  const env = Object.fromEntries(
    Object.entries(step.env).map(([variable, text]) => {
      const input = /^\$\{\{ inputs\.([a-z-]+) \}\}$/.exec(text)?.[1] ?? ''
      return [variable, given[input as keyof typeof given] ?? action.inputs[input]?.default ?? '']
    }),
  )
  const { status, stdout, stderr } = spawnSync('bash', ['-e', '-c', step.run], {
    cwd,
    encoding: 'utf8',
    timeout: 60_000,
    env: {
      PATH: process.env.PATH,
      GITHUB_OUTPUT: 'output',
      GITHUB_STEP_SUMMARY: 'summary',
      ...env,
      ...runner,
    },
  })
  const read = (file: string): string =>
    existsSync(join(cwd, file)) ? readFileSync(join(cwd, file), 'utf8') : ''
  return { status, stdout, stderr, read }
}

test('the action ends as the rules say and leaves summary, report paths and JUnit', () => {
  const good = act('good', { gates: 'kept.yaml' })
  assert.equal(good.status, 0, good.stderr)
  assert.equal(
    good.read('output'),
    [
      'exit-code=0',
      'result=.meshbench/latest/result.json',
      'report=.meshbench/latest/report.html',
      'junit=.meshbench/latest/junit.xml',
      '',
    ].join('\n'),
  )
  assert.match(good.read('summary'), /\*\*Gates:\*\* 1 passed/)
  assert.match(good.read('.meshbench/latest/junit.xml'), /Latency p99 of ambient: at most 9 ms/)
  const bad = act('bad', { gates: 'broken.yaml' })
  assert.equal(bad.status, 1, bad.stderr)
  assert.match(bad.read('output'), /^exit-code=1\n/)
  assert.match(bad.read('summary'), /❌ fail/)
})

test('the action makes a baseline where there is none, and compares with it afterwards', () => {
  const inputs = { gates: 'saved.yaml', baseline: 'baseline.json' }
  assert.equal(act('based', inputs).status, 4)
  for (const seed of [1, 2, 3]) {
    const made = act('based', {
      ...inputs,
      'update-baseline': 'true',
      arguments: `--quick --seed ${seed}`,
    })
    assert.equal(made.status, 0, made.stdout + made.stderr)
    assert.match(made.stdout, new RegExp(`baseline\\.json has ${seed} runs? now`))
  }
  assert.equal(act('based', inputs).status, 0)
})

test('a run that breaks ends the action with its code, and inputs are never run as a script', () => {
  assert.equal(act('broken', { gates: 'kept.yaml', arguments: '--break' }).status, 70)
  const hostile = act('hostile', { gates: 'kept.yaml', arguments: '; touch pwned; $(touch pwned)' })
  assert.equal(hostile.read('pwned'), '')
  assert.ok(!existsSync(join(scratch, 'hostile', 'pwned')))
})

test('without a command the action installs and runs its own checkout, no package of that name', () => {
  const bin = join(scratch, 'bin')
  const checkout = join(scratch, 'checkout')
  mkdirSync(bin)
  mkdirSync(join(checkout, 'dist/cli'), { recursive: true })
  writeFileSync(join(bin, 'npm'), '#!/bin/sh\necho "$@" >> npm-calls\n', { mode: 0o755 })
  const script = `await import(${JSON.stringify(fake)})\n`
  writeFileSync(join(checkout, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(checkout, 'dist/cli/main.js'), script)
  const runner = { PATH: `${bin}:${process.env.PATH}`, GITHUB_ACTION_PATH: checkout }
  const own = act('own', { gates: 'kept.yaml', command: '' }, runner)
  assert.equal(own.status, 0, own.stderr)
  assert.equal(own.read('npm-calls'), `ci --no-audit --no-fund --prefix ${checkout}\n`)
  assert.match(own.read('output'), /^exit-code=0\n/)
  assert.equal(action.inputs.command?.default, '')
})
