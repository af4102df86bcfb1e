// Compiles to dist/ and makes the command executable. Runs on `npm ci` (prepare), so that a fresh
// clone answers `npx meshbench` without a further step. Where types fail, dist/ stays what it was.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const command = join('dist', 'cli', 'main.js')

const require = createRequire(import.meta.url)
let tsc
try {
  tsc = join(dirname(require.resolve('typescript/package.json')), 'bin', 'tsc')
} catch {
  // Installed without dev dependencies: a published package brings its own dist/.
  process.exit(existsSync(command) ? 0 : 1)
}
const { status } = spawnSync(process.execPath, [tsc, '-p', '.'], { stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)
chmodSync(command, 0o755)
// What was compiled of sources that are gone would still be tested and published.
for (const file of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
  if (file.endsWith('.js') && !existsSync(file.replace(/\.js$/, '.ts'))) rmSync(join('dist', file))
}
// Results say what measured them. Of a source archive nobody knows the commit.
const git = spawnSync('git', ['describe', '--always', '--dirty', '--exclude', '*'], {
  encoding: 'utf8',
})
if (git.status === 0) writeFileSync(join('dist', 'commit.txt'), git.stdout)
