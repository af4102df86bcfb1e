const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** As `kubectl` shows ages: fewer digits the older it is (k8s.io/apimachinery duration.HumanDuration). */
export function age(since: unknown, nowMs: number): string {
  const sinceMs = typeof since === 'string' ? Date.parse(since) : Number.NaN
  if (Number.isNaN(sinceMs)) return '<unknown>'
  const seconds = Math.max(0, Math.floor((nowMs - sinceMs) / 1000))
  if (seconds < 2 * MINUTE) return `${seconds}s`
  if (seconds < 10 * MINUTE) return two(seconds, MINUTE, 'm', 1, 's')
  if (seconds < 3 * HOUR) return `${Math.floor(seconds / MINUTE)}m`
  if (seconds < 8 * HOUR) return two(seconds, HOUR, 'h', MINUTE, 'm')
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)}h`
  if (seconds < 8 * DAY) return two(seconds, DAY, 'd', HOUR, 'h')
  return `${Math.floor(seconds / DAY)}d`
}

function two(seconds: number, large: number, largeUnit: string, small: number, smallUnit: string) {
  const rest = Math.floor((seconds % large) / small)
  const whole = `${Math.floor(seconds / large)}${largeUnit}`
  return rest === 0 ? whole : `${whole}${rest}${smallUnit}`
}
