// Compiles to dist/ and makes the command executable. Runs on `npm ci` (prepare), so that a fresh
// clone answers `npx meshbench` without a further step.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
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
if (existsSync(command)) chmodSync(command, 0o755)
// Results say what measured them. Of a source archive nobody knows the commit.
const git = spawnSync('git', ['describe', '--always', '--dirty', '--exclude', '*'], {
  encoding: 'utf8',
})
if (git.status === 0 && existsSync('dist')) writeFileSync(join('dist', 'commit.txt'), git.stdout)
process.exit(status ?? 1)
