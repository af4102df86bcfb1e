// Ten minutes of planned changes under load, `npm run soak`: pods scaled and restarted, the namespace
// moved between sidecars, ambient, a waypoint and no mesh. Ends with 1 when a request was lost or
// something leaks. `-- --duration 2m`, `-- --rate 100`, `-- --kills` (SIGKILL of processes as well,
// which may lose requests), `-- --json`.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

if (globalThis.gc === undefined) {
  // The heap can only be compared right after a collection.
  const self = fileURLToPath(import.meta.url)
  const argv = ['--expose-gc', self, ...process.argv.slice(2)]
  const { status } = spawnSync(process.execPath, argv, { stdio: 'inherit' })
  process.exit(status ?? 1)
}

const { values } = parseArgs({
  options: {
    duration: { type: 'string', default: '10m' },
    rate: { type: 'string', default: '50' },
    kills: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const { parseDurationMs } = await import('../dist/cli/values/duration.js')
const { parseNumber } = await import('../dist/cli/values/number.js')
const { soak } = await import('../dist/test/soak/soak.js')
const { layOut } = await import('../dist/test/soak/report.js')
try {
  const report = await soak({
    durationMs: parseDurationMs('--duration', values.duration, {
      minMs: 1_000,
      maxMs: 24 * 3_600_000,
    }),
    ratePerSecond: parseNumber('--rate', values.rate, { min: 1, max: 1_000 }),
    withKills: values.kills,
    onProgress: (sentence) => process.stderr.write(`${sentence}\n`),
  })
  console.log(values.json ? JSON.stringify(report) : layOut(report))
  process.exitCode = report.ok ? 0 : 1
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`)
  if (error?.hint) console.error(`  hint: ${error.hint}`)
  process.exitCode = error?.exitCode ?? 1
}
