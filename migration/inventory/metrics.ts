/** One series of the Prometheus text format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export interface Series {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Only the named ones: an Envoy tells thousands of others. */
export function* seriesOf(text: string, names: readonly string[]): Generator<Series> {
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start)
    const end = newline < 0 ? text.length : newline
    const name = names.find(
      (one) => text.startsWith(one, start) && '{ '.includes(text[start + one.length] ?? ''),
    )
    if (name !== undefined) {
      const line = text.slice(start + name.length, end)
      const close = line.lastIndexOf('}')
      const [value] = line
        .slice(close + 1)
        .trim()
        .split(/\s+/)
      yield { name, labels: labelsOf(line.slice(1, Math.max(close, 1))), value: Number(value) }
    }
    start = end + 1
  }
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [, key, value] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
    if (key !== undefined) {
      labels[key] = (value ?? '').replace(/\\(.)/g, (_, char) => (char === 'n' ? '\n' : char))
    }
  }
  return labels
}
