/** How isotope writes quantities. Each reader gives undefined for what is none, for the caller to refuse. */

const sizeUnits = 'kmgtp'

/** Bytes: `128`, `10k`, `1 KB`, `16KiB`, all powers of 1024 as docker reads RAM sizes. Negative as it stands. */
export function parseSize(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined
  const match = /^(-?\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(String(value).trim())
  if (match === null || typeof value !== 'string') return undefined
  const power = sizeUnits.indexOf((match[2] ?? '').toLowerCase() || ' ') + 1
  return Math.trunc(Number(match[1]) * 1024 ** power)
}

/** A share: a number 0..1, or a text in per cent. Beyond 0..1 as it stands. */
export function parseRate(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  const match = /^(-?\d+(?:\.\d+)?)%$/.exec(String(value).trim())
  return match === null ? undefined : Number(match[1]) / 100
}

const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
}

/** Milliseconds of a Go duration (https://pkg.go.dev/time#ParseDuration): `10ms`, `1m30s`, `1.5h`. */
export function parseGoDuration(value: unknown): number | undefined {
  if (value === 0 || value === '0') return 0
  if (typeof value !== 'string') return undefined
  const [, sign = '', parts = ''] =
    /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.exec(value) ?? []
  if (parts === '') return undefined
  let sumMs = 0
  for (const [, number, unit = ''] of parts.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    sumMs += Number(number) * (unitMs[unit] ?? 0)
  }
  return sign === '-' ? -sumMs : sumMs
}
