const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }

/** `1h30m`, `1.5s`, `250ms`; undefined for what is not one (https://gateway-api.sigs.k8s.io/geps/gep-2257/). */
export function durationMs(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:\d+(?:\.\d+)?(?:h|ms|m|s))+$/.test(text)) return undefined
  let totalMs = 0
  for (const [, value, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)) {
    totalMs += Number(value) * (UNITS[unit ?? ''] ?? 0)
  }
  return totalMs
}
