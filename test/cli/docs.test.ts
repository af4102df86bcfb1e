import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { parse } from 'yaml'
import { readGates } from '../../cli/gate/files.ts'
import { writeResult } from '../../harness/result/write.ts'
import { metrics } from '../../reports/metrics.ts'
import { makeResult } from '../fixtures/result.ts'
import {
  asPattern,
  type Block,
  blocksOf,
  fileOf,
  transcriptOf,
} from '../support/markdown-blocks.ts'
import { runCli } from '../support/run-cli.ts'

const root = resolve(import.meta.dirname, '../../..')
const scratch = mkdtempSync(join(tmpdir(), 'meshbench-docs-'))
after(() => rmSync(scratch, { recursive: true }))

// `meshbench` on the path is the one just built, as after an installation.
const bin = join(scratch, 'bin')
mkdirSync(bin)
const main = join(import.meta.dirname, '../../cli/main.js')
writeFileSync(join(bin, 'meshbench'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`)
chmodSync(join(bin, 'meshbench'), 0o755)

const pages = [
  'README.md',
  'METHODOLOGY.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`),
]
const written = pages.map((page) => ({
  page,
  blocks: blocksOf(readFileSync(join(root, page), 'utf8')),
}))

/** A folder as it is after two runs, with the files that a page shows. */
function place(page: string, blocks: readonly Block[]): string {
  const folder = join(scratch, page.replaceAll('/', '-'))
  for (const [name, seed] of [
    ['earlier', 7],
    ['latest', 9],
  ] as const) {
    mkdirSync(join(folder, '.meshbench', name), { recursive: true })
    writeResult(join(folder, '.meshbench', name), { ...makeResult({ seed }), runId: name })
  }
  for (const block of blocks) {
    const file = fileOf(block)
    if (file === undefined) continue
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), `${block.text}\n`)
  }
  return folder
}

/** One shell for a block, so that `echo $?` tells of the command before it. */
function runBlock(commands: readonly string[], cwd: string): string[] {
  const mark = '=== next command ==='
  const keepCode = (command: string): string =>
    `code=$?; echo '${mark}'; (exit $code)\n${command}\n`
  const { stdout, error } = spawnSync(
    'bash',
    ['-c', `exec 2>&1\n${commands.map(keepCode).join('')}`],
    {
      cwd,
      encoding: 'utf8',
      timeout: 60_000,
      env: { PATH: `${bin}:${process.env.PATH}` },
    },
  )
  assert.equal(error, undefined)
  return stdout.split(`${mark}\n`).slice(1)
}

for (const { page, blocks } of written) {
  const runnable = blocks.filter(({ words }) => words.includes('runnable'))
  if (runnable.length === 0) continue
  test(`every runnable command of ${page} prints what the page says`, () => {
    const folder = place(page, blocks)
    for (const block of runnable) {
      const transcript = transcriptOf(block)
      const outputs = runBlock(
        transcript.map(({ command }) => command),
        folder,
      )
      for (const [index, { command, output }] of transcript.entries()) {
        assert.match(outputs[index] ?? '', asPattern(output), `${page}:${block.line}: ${command}`)
      }
    }
  })
}

test('every option that a page gives to meshbench is one that the command has', async () => {
  const calls = written.flatMap(({ page, blocks }) =>
    blocks.flatMap(({ text }) =>
      [...text.matchAll(/\bmeshbench ((?:migrate )?[a-z]+)((?: +[^\n#|&;]*)?)/g)].map(
        ([, command = '', rest = '']) => ({
          page,
          command,
          options: rest.match(/(?<= )--[a-z-]+/g) ?? [],
        }),
      ),
    ),
  )
  assert.ok(calls.length > 15, `${calls.length} calls found`)
  const commands = [...new Set(calls.map(({ command }) => command))]
  const help = new Map<string, string>()
  for (const command of commands) {
    const { code, stdout } = await runCli([...command.split(' '), '--help'])
    assert.equal(code, 0, `meshbench ${command} is no command`)
    help.set(command, stdout)
  }
  const wrong = calls.flatMap(({ page, command, options }) =>
    options
      .filter((option) => !new RegExp(`${option}\\b`).test(help.get(command) ?? ''))
      .map((option) => `${page}: meshbench ${command} ${option}`),
  )
  assert.deepEqual(wrong, [])
})

/** What a page shows without saying what it prints. */
function shownCommands(): string[] {
  const lines = written.flatMap(({ blocks }) =>
    blocks
      .filter(({ words }) => !words.includes('runnable'))
      .flatMap(({ text }) => text.split('\n')),
  )
  const commands = lines.flatMap((line) => {
    const found =
      /^(?:\$ |\s*- npx --yes )?(meshbench (?:run|report|compare|gate|estimate|doctor|config|completion)\b[^#]*)/.exec(
        line,
      )
    return found?.[1] === undefined ? [] : [found[1].trim()]
  })
  return [...new Set(commands)]
}

test('commands that pages show without output are accepted: the quick ones run, runs are settled', () => {
  const commands = shownCommands()
  assert.ok(commands.length >= 8, commands.join('\n'))
  const gates = written.find(({ page }) => page === 'docs/gates.md')
  const folder = place('shown', gates?.blocks ?? [])
  // Minutes of measuring each: `config` takes the same options and refuses what `run` would refuse.
  const quick = commands.map((command) =>
    command
      .replace(/^meshbench run/, 'meshbench config')
      .replace('.meshbench/OLD', '.meshbench/earlier')
      .replace(/ base\/latest/, ' .meshbench/earlier'),
  )
  const outputs = runBlock([...quick.flatMap((command) => [command, 'echo "exit $?"'])], folder)
  for (const [index, command] of quick.entries()) {
    assert.equal(outputs[2 * index + 1]?.trim(), 'exit 0', `${command}\n${outputs[2 * index]}`)
  }
})

test('every npm script that a page names exists, with the options it is given', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Readonly<Record<string, string>>
  }
  const sources = ['bench', 'scripts'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.mjs'))
      .map((file) => readFileSync(join(root, folder, file), 'utf8')),
  )
  const soak = readFileSync(join(root, 'test/soak/soak.ts'), 'utf8')
  const known = [...sources, soak].join('\n')
  const calls = pages.flatMap((page) =>
    [
      ...readFileSync(join(root, page), 'utf8').matchAll(
        /npm (?:run (?:-s |--silent )?)?(test|bench:[a-z]+|[a-z]+)\b(?!:)(?: +-- ([^`\n]*))?/g,
      ),
    ].map(([whole, name = '', rest = '']) => ({ page, whole, name, rest })),
  )
  const own = calls.filter(({ name }) => !['ci', 'install', 'link', 'run'].includes(name))
  assert.ok(own.length >= 10, `${own.length} calls`)
  for (const { page, whole, name, rest } of own) {
    assert.ok(name in scripts, `${page}: ${whole}`)
    for (const option of rest.match(/(?<=^| )--[a-z-]+/g) ?? []) {
      assert.ok(known.includes(option), `${page}: ${whole}: nothing knows ${option}`)
    }
  }
})

test('every gates file that a page shows is one, but for those that show mistakes', () => {
  const shown = written.flatMap(({ page, blocks }) =>
    blocks
      .filter(({ text, words }) => /^rules:/m.test(text) && !words.includes('mistakes'))
      .map((block, index) => ({ page, block, index })),
  )
  assert.ok(shown.length >= 3)
  for (const { block, index } of shown) {
    const file = join(scratch, `shown-${index}.yaml`)
    writeFileSync(file, block.text)
    assert.ok(readGates(file).gates.rules.length > 0)
  }
  assert.equal(readGates(join(root, '.github/gates.yaml')).gates.confirm, 1)
})

interface Step {
  readonly uses?: string
  readonly with?: Readonly<Record<string, unknown>>
}
interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps: readonly Step[] }>>
}

test('workflows give the action only inputs that it has, and name its outputs as they are', () => {
  const action = parse(readFileSync(join(root, 'action.yml'), 'utf8')) as {
    inputs: object
    outputs: object
  }
  const page = written.find(({ page: name }) => name === 'docs/ci.md')
  const workflows = (page?.blocks ?? [])
    .filter((block) => fileOf(block)?.startsWith('.github/workflows/'))
    .map(({ text }) => text)
  const own = readFileSync(join(root, '.github/workflows/ci.yml'), 'utf8')
  const used = [...workflows, own]
    .map((text) => parse(text) as Workflow)
    .flatMap(({ jobs }) => Object.values(jobs).flatMap(({ steps }) => steps))
    .filter(({ uses }) => uses === './' || uses === 'OWNER/meshbench@REF')
  assert.equal(used.length, 3)
  for (const step of used) {
    for (const input of Object.keys(step.with ?? {})) assert.ok(input in action.inputs, input)
  }
  const documented = readFileSync(join(root, 'docs/ci.md'), 'utf8')
  for (const name of [...Object.keys(action.inputs), ...Object.keys(action.outputs)]) {
    assert.ok(documented.includes(`\`${name}\``), `docs/ci.md says nothing of ${name}`)
  }
})

test('docs/gates.md lists every metric a rule may name, with its unit', () => {
  const page = readFileSync(join(root, 'docs/gates.md'), 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| `'))
  for (const { id, unit } of metrics) {
    const row = rows.find((line) => line.split('|')[1]?.includes(`\`${id}\``))
    assert.equal(row?.split('|')[2]?.trim(), unit, id)
  }
})
