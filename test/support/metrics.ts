import type { SocketAddress } from '../../proxies/config/process.ts'

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Scrapes and parses a metrics page the way Prometheus does. */
export async function metricsOf({ host, port }: SocketAddress): Promise<Sample[]> {
  const response = await fetch(`http://${host}:${port}/metrics`)
  return parseMetrics(await response.text())
}

export function parseMetrics(text: string): Sample[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
      if (!match) throw new Error(`not a sample: ${line}`)
      const pairs = [...(match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
      return {
        name: match[1] ?? '',
        labels: Object.fromEntries(
          pairs.map(([, name = '', value = '']) => [name, value.replace(/\\(.)/g, '$1')]),
        ),
        value: Number(match[3]),
      }
    })
}

export function sum(
  samples: readonly Sample[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .reduce((total, { value }) => total + value, 0)
}
