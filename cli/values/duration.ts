import { UsageError } from '../errors.ts'

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** `500ms`, `5s`, `1.5m`, `1h`. A bare number could mean anything, so it is refused. */
export function parseDurationMs(
  option: string,
  text: string,
  range: { readonly minMs: number; readonly maxMs: number },
): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim()) ?? []
  if (number === '') {
    throw new UsageError(`${option} takes a duration, not "${text}"`, `write ${option} 5s or 500ms`)
  }
  if (unit === '') {
    throw new UsageError(`${option} ${text} has no unit`, `did you mean ${option} ${text}s?`)
  }
  const durationMs = Number(number) * (unitMs[unit] ?? 0)
  if (durationMs < range.minMs || durationMs > range.maxMs) {
    throw new UsageError(
      `${option} ${text} is out of range`,
      `${option} takes ${formatDuration(range.minMs)} to ${formatDuration(range.maxMs)}`,
    )
  }
  return durationMs
}

export function formatDuration(durationMs: number): string {
  if (durationMs > 0 && durationMs < 1000) return `${durationMs}ms`
  if (durationMs < 60_000) return `${durationMs / 1000}s`
  return durationMs < 3_600_000 ? `${durationMs / 60_000}m` : `${durationMs / 3_600_000}h`
}
