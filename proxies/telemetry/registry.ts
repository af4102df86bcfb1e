/** Label names and values of one time series. */
export type Labels = Readonly<Record<string, string>>

/** Hot paths hold on to it and add to a field: no lookup, no allocation. */
export class Counter {
  value = 0

  add(amount: number): void {
    this.value += amount
  }
}

export class Histogram {
  readonly bounds: readonly number[]
  readonly counts: Float64Array
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  record(value: number): void {
    const { bounds, counts } = this
    let bucket = 0
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1
    counts[bucket] = (counts[bucket] as number) + 1
    this.sum += value
  }
}

/** Prometheus' own text, or OpenMetrics, where a counter's family has no `_total`. */
export type MetricsFormat = 'text' | 'openmetrics'

interface Family {
  readonly name: string
  render(format: MetricsFormat): string
}

/** All series of one metric name. `with` is for set-up time: it renders the labels once. */
export class CounterFamily implements Family {
  readonly name: string
  readonly #help: string
  readonly #type: 'counter' | 'gauge'
  readonly #series = new Map<string, Counter>()

  constructor(name: string, help: string, type: 'counter' | 'gauge') {
    this.name = name
    this.#help = help
    this.#type = type
  }

  with(labels: Labels): Counter {
    const key = renderLabels(labels)
    let series = this.#series.get(key)
    if (!series) {
      series = new Counter()
      this.#series.set(key, series)
    }
    return series
  }

  render(format: MetricsFormat): string {
    const family = format === 'text' ? this.name : this.name.replace(/_total$/, '')
    const lines = header(family, this.#help, this.#type)
    for (const [labels, { value }] of this.#series) {
      lines.push(`${this.name}${braces(labels)} ${value}`)
    }
    return lines.join('\n')
  }
}

export class HistogramFamily implements Family {
  readonly name: string
  readonly #help: string
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, Histogram>()

  constructor(name: string, help: string, bounds: readonly number[]) {
    this.name = name
    this.#help = help
    this.#bounds = bounds
  }

  with(labels: Labels): Histogram {
    const key = renderLabels(labels)
    let series = this.#series.get(key)
    if (!series) {
      series = new Histogram(this.#bounds)
      this.#series.set(key, series)
    }
    return series
  }

  render(): string {
    const lines = header(this.name, this.#help, 'histogram')
    for (const [labels, { counts, bounds, sum }] of this.#series) {
      const prefix = labels === '' ? '' : `${labels},`
      let total = 0
      counts.forEach((count, bucket) => {
        total += count
        const le = bucket < bounds.length ? bounds[bucket] : '+Inf'
        lines.push(`${this.name}_bucket{${prefix}le="${le}"} ${total}`)
      })
      lines.push(`${this.name}_sum${braces(labels)} ${sum}`)
      lines.push(`${this.name}_count${braces(labels)} ${total}`)
    }
    return lines.join('\n')
  }
}

/** The metrics of one process, in the text form Prometheus scrapes. */
export class Registry {
  readonly #families = new Map<string, Family>()

  counter(name: string, help: string): CounterFamily {
    return this.#add(new CounterFamily(name, help, 'counter'))
  }

  gauge(name: string, help: string): CounterFamily {
    return this.#add(new CounterFamily(name, help, 'gauge'))
  }

  histogram(name: string, help: string, bounds: readonly number[]): HistogramFamily {
    return this.#add(new HistogramFamily(name, help, bounds))
  }

  /** https://prometheus.io/docs/instrumenting/exposition_formats */
  render(format: MetricsFormat = 'text'): string {
    const families = [...this.#families.values()].map((family) => family.render(format))
    return `${families.join('\n')}\n${format === 'text' ? '' : '# EOF\n'}`
  }

  #add<F extends Family>(family: F): F {
    this.#families.set(family.name, family)
    return family
  }
}

function header(name: string, help: string, type: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`]
}

function braces(labels: string): string {
  return labels === '' ? '' : `{${labels}}`
}

function renderLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escapeValue(value)}"`)
    .join(',')
}

function escapeValue(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
}
