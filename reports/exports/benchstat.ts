import type { Result } from '../../harness/result/schema.ts'
import { validWindows } from '../analyse.ts'
import { metrics } from '../metrics.ts'
import { modesOf } from '../wording/run.ts'

/**
 * The benchmark format of Go, for benchstat: a line per valid window, so that it finds as many
 * samples as we have. https://go.googlesource.com/proposal/+/master/design/14313-benchmark-format.md
 * `benchstat -col /mode benchstat.txt` compares the modes, two files compare two runs.
 */
export function benchstat(result: Result): string {
  const { environment, options, runId, tool } = result
  const lines = modesOf(result).flatMap((mode) =>
    validWindows(result.modes[mode]).map((window) => {
      const figures = metrics.flatMap(({ id, unit, read }) => {
        const value = read(window, mode)
        return value === null ? [] : [`${plain(value)} ${unitName(id, unit)}`]
      })
      const name = `BenchmarkMesh/workload=${word(options.workload)}/mode=${mode}`
      return [name, Math.max(1, window.arrivals), ...figures].join('\t')
    }),
  )
  const higher = metrics
    .filter(({ better }) => better === 'more')
    .map(({ id, unit }) => `Unit ${unitName(id, unit)} better=higher`)
  return [
    // benchstat never compares across different `key: value` lines, so only the machine is one.
    `# run ${line(runId)} of meshbench ${line(tool.version)} on Node ${line(environment.node)}`,
    `goos: ${environment.platform.split('-')[0]}`,
    'pkg: meshbench',
    `cpu: ${line(environment.cpuModel)}`,
    ...higher,
    ...lines,
    '',
  ].join('\n')
}

/** A unit is one word: `latencyP50Ms-ms` says what is measured and in what. */
function unitName(id: string, unit: string): string {
  return `${id}-${word(unit.replace('% of arrivals', 'percent').replace('ms/1k req', 'us/op'))}`
}

function plain(value: number): string {
  return String(Number(value.toPrecision(6)))
}

function word(text: string): string {
  return text.replaceAll(/[\s/\p{Cc}=]+/gu, '-')
}

function line(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ')
}
