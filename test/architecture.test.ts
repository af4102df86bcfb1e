import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'

const root = resolve(import.meta.dirname, '../..')

/** The arrows of ARCHITECTURE.md. Anything not listed here is not allowed. */
const allowed: Record<string, readonly string[]> = {
  cli: ['harness', 'migration', 'reports', 'cluster'],
  harness: ['cluster', 'workloads'],
  migration: ['cluster'],
  reports: ['harness', 'migration'],
  cluster: ['proxies', 'workloads'],
  proxies: [],
  workloads: [],
}

/** Each third-party package has one owner; the rest of the code sees the owner's own interface. */
const owners: Record<string, readonly string[]> = {
  '@kubernetes/client-node': ['cluster/client/'],
  '@peculiar/x509': ['cluster/ca/'],
  'reflect-metadata': ['cluster/ca/'],
  autocannon: ['harness/load/'],
  jose: ['proxies/waypoint/'],
  'hdr-histogram-js': ['harness/load/', 'reports/statistics/'],
  systeminformation: ['harness/environment/'],
  vega: ['reports/charts/'],
  'vega-lite': ['reports/charts/'],
  'vega-embed': ['reports/charts/'],
  'csv-stringify': ['reports/csv/'],
  commander: ['cli/'],
  yaml: ['cluster/', 'proxies/config/', 'cli/', 'workloads/', 'migration/inventory/'],
  zod: ['harness/', 'cluster/', 'proxies/config/', 'cli/', 'reports/', 'migration/', 'workloads/'],
}

interface SourceFile {
  readonly path: string
  readonly lines: number
  readonly imports: readonly { readonly target: string; readonly typeOnly: boolean }[]
}

function sources(): SourceFile[] {
  // A folder may be planned and still empty.
  const present = Object.keys(allowed).filter((folder) => existsSync(join(root, folder)))
  return present.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => read(join(folder, file))),
  )
}

function read(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8')
  const pattern =
    /^\s*(?:import|export)\s+(type\s)?[^'"]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|^import\s+'([^']+)'/gm
  const imports = [...text.matchAll(pattern)].map((match) => ({
    target: match[2] ?? match[3] ?? match[4] ?? '',
    typeOnly: match[1] !== undefined,
  }))
  return { path, lines: text.split('\n').length - 1, imports }
}

const files = sources()

function localTarget(file: SourceFile, target: string): string {
  return relative(root, resolve(root, dirname(file.path), target))
}

test('a folder imports only the folders its arrows point to', () => {
  const wrong = files.flatMap((file) =>
    file.imports
      .filter(({ target }) => target.startsWith('.'))
      .map(({ target, typeOnly }) => ({ to: localTarget(file, target), typeOnly }))
      .filter(({ to, typeOnly }) => {
        const from = file.path.split('/')[0] as string
        const folder = to.split('/')[0] as string
        if (folder === from || to === 'package.json') return false
        if (!allowed[from]?.includes(folder)) return true
        return (
          from === 'reports' &&
          !typeOnly &&
          !to.startsWith('harness/result/') &&
          to !== 'harness/modes.ts' &&
          !to.startsWith('migration/result/')
        )
      })
      .map(({ to }) => `${file.path} -> ${to}`),
  )
  assert.deepEqual(wrong, [])
})

test('a third-party package is imported only by its owner', () => {
  const wrong = files.flatMap((file) =>
    file.imports
      .filter(({ target }) => !target.startsWith('.') && !target.startsWith('node:'))
      .map(({ target }) =>
        target
          .split('/')
          .slice(0, target.startsWith('@') ? 2 : 1)
          .join('/'),
      )
      .filter((name) => !owners[name]?.some((owner) => file.path.startsWith(owner)))
      .map((name) => `${file.path} imports ${name}`),
  )
  assert.deepEqual(wrong, [])
})

test('imports form no cycle between modules', () => {
  const graph = new Map(
    files.map((file) => [
      file.path,
      file.imports
        .filter(({ target, typeOnly }) => target.startsWith('.') && !typeOnly)
        .map(({ target }) => localTarget(file, target)),
    ]),
  )
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]): void => {
    assert.ok(!trail.includes(path), `cycle: ${[...trail, path].join(' -> ')}`)
    if (done.has(path)) return
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of graph.keys()) visit(path, [])
})

test('ARCHITECTURE.md says of every folder what it is for', () => {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
  const untold = [...Object.keys(allowed), 'test'].flatMap((folder) => {
    const row = text.split('\n').find((line) => line.startsWith(`| \`${folder}/\` |`)) ?? ''
    return readdirSync(join(root, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !row.includes(`\`${entry.name}/\``))
      .map((entry) => `${folder}/${entry.name}`)
  })
  assert.deepEqual(untold, [])
})

test('modules stay small: median under 100 lines, none over 350', () => {
  const sizes = files.map(({ lines }) => lines).sort((a, b) => a - b)
  assert.ok((sizes[sizes.length >> 1] ?? 0) < 100, `median is ${sizes[sizes.length >> 1]}`)
  assert.deepEqual(
    files.filter(({ lines }) => lines > 350).map(({ path }) => path),
    [],
  )
})
