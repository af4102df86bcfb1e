import { UsageError } from '../errors.ts'

const factors: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2 }

/** Bytes: `512`, `1k`, `1KiB`, `2 MB`. All powers of 1024, like the sizes of isotope and docker. */
export function parseSizeBytes(option: string, text: string, maxBytes: number): number {
  const match = /^(\d+(?:\.\d+)?)\s*([km]?)(?:i?b)?$/i.exec(text.trim())
  if (match === null) {
    throw new UsageError(`${option} takes a size, not "${text}"`, `write ${option} 1k or 64KiB`)
  }
  const bytes = Math.round(Number(match[1]) * (factors[(match[2] ?? '').toLowerCase()] ?? 1))
  if (bytes > maxBytes) {
    throw new UsageError(
      `${option} ${text} is too large`,
      `${option} takes at most ${maxBytes / 1024 ** 2}MiB`,
    )
  }
  return bytes
}
