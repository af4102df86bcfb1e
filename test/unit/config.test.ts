import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { configure } from '../../cli/config/layers.ts'
import type { RawRunOptions } from '../../cli/run/settings.ts'

const scratch = mkdtempSync(join(tmpdir(), 'meshbench-config-'))
after(() => rmSync(scratch, { recursive: true }))
const config = join(scratch, 'meshbench.yaml')

function configured(yaml: string, flags: RawRunOptions = {}, env: Record<string, string> = {}) {
  writeFileSync(config, yaml)
  const { raw, settings } = configure({ ...flags, config }, env)
  const origins = [...settings].map(([name, { origin }]) => [name, origin])
  return { raw, origins: Object.fromEntries(origins) as Record<string, string> }
}

test('an option beats the environment, the environment beats the file', () => {
  const yaml = 'rate: 100\nrounds: 4\nconnections: 8\n'
  const env = { MESHBENCH_RATE: '200', MESHBENCH_ROUNDS: '5' }
  const { raw, origins } = configured(yaml, { rate: '300' }, env)
  assert.deepEqual(raw, { rate: '300', rounds: '5', connections: '8' })
  assert.deepEqual(origins, {
    rate: '--rate',
    rounds: 'MESHBENCH_ROUNDS',
    connections: 'meshbench.yaml:3:14',
  })
})

test('a list of modes may be written as YAML has lists', () => {
  assert.equal(configured('modes: [sidecar, ambient]\n').raw.modes, 'sidecar,ambient')
})

test('--saturate on the command line takes the rate of the file away, and the other way round', () => {
  assert.deepEqual(configured('rate: 100\n', { saturate: true }).raw, { saturate: true })
  assert.deepEqual(configured('saturate: true\n', { rate: '50' }).raw, { rate: '50' })
})

test('--quick on the command line is quick whatever the file says about durations', () => {
  const { raw } = configured('duration: 30s\nrounds: 10\nworkload: chain\n', { quick: true })
  assert.deepEqual(raw, { workload: 'chain', quick: true })
})

test('what kind of cluster it is may stand in the file; the environment has the last word', () => {
  const yaml = 'istio-semantics: true\n'
  assert.equal(configured(yaml).raw.istioSemantics, true)
  const env = { MESHBENCH_ISTIO_SEMANTICS: '0' }
  assert.equal(configured(yaml, {}, env).raw.istioSemantics, false)
})

test('an empty file sets nothing', () => {
  assert.deepEqual(configured('# nothing yet\n').raw, {})
})

const mistakes: readonly [name: string, yaml: string, message: string, hint: RegExp][] = [
  [
    'a misspelt setting',
    'rate: 100\nconections: 8\n',
    'meshbench.yaml:2:1: there is no setting "conections"',
    /^did you mean connections\? /,
  ],
  [
    'a value out of range',
    'workload: echo\nrate: -5\n',
    'meshbench.yaml:2:7: rate -5 is out of range',
    /^rate: takes a number from 1 to 50000$/,
  ],
  [
    'a misspelt mode',
    'modes: [sidecar, ambiant]\n',
    'meshbench.yaml:1:8: modes: there is no mode "ambiant"',
    /^did you mean ambient\?/,
  ],
  [
    'a word where yes or no is meant',
    'quick: soon\n',
    'meshbench.yaml:1:8: quick takes true or false',
    /^write quick: true$/,
  ],
  ['a list of nothing', '- a\n', 'meshbench.yaml:1:1: not a list of settings', /name: value/],
]

for (const [name, yaml, message, hint] of mistakes) {
  test(`${name} is told by line and column`, () => {
    assert.throws(
      () => configured(yaml),
      (error: Error & { hint?: string; exitCode?: number }) => {
        assert.equal(error.message, message)
        assert.match(error.hint ?? '', hint)
        return error.exitCode === 2
      },
    )
  })
}

test('YAML that cannot be read is told by line and column', () => {
  assert.throws(() => configured('rate: [1\n'), /^UsageError: meshbench\.yaml:2:1: /)
})

test('a flag in the environment takes 1 or 0', () => {
  assert.equal(configured('', {}, { MESHBENCH_QUICK: '1' }).raw.quick, true)
  assert.throws(() => configured('', {}, { MESHBENCH_QUICK: 'on' }), /MESHBENCH_QUICK takes 1 or 0/)
})
