/** One sample of the Prometheus text format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export interface MetricSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export function parseMetrics(text: string): MetricSample[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line)
    if (match === null) return []
    const [, name = '', labels = '', value] = match
    return [{ name, labels: parseLabels(labels), value: Number(value) }]
  })
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [, key, value] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
    if (key !== undefined) labels[key] = (value ?? '').replace(/\\(.)/g, unescapeChar)
  }
  return labels
}

const unescapeChar = (_: string, char: string): string => (char === 'n' ? '\n' : char)

/** Sum of the samples of one name whose labels include all of `wanted`. */
export function sumMetric(
  samples: readonly MetricSample[],
  name: string,
  wanted: Readonly<Record<string, string>>,
): number {
  return samples
    .filter((sample) => sample.name === name)
    .filter(({ labels }) => Object.entries(wanted).every(([key, value]) => labels[key] === value))
    .reduce((total, { value }) => total + value, 0)
}
