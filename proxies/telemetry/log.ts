/** Most severe first; a level shows itself and all before it. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>

/** One per process, as its stderr is. `access` switches the access log, off by default as in Istio. */
const settings: { level: LogLevel; access: boolean } = { level: 'info', access: false }

export function logSettings(): Readonly<typeof settings> {
  return settings
}

export function setLogLevel(level: LogLevel): void {
  settings.level = level
}

export function setAccessLog(on: boolean): void {
  settings.access = on
}

/** One line on stderr: time, level, scope, message, then fields as `name="value"`. */
export function log(level: LogLevel, scope: string, message: string, fields: LogFields = {}): void {
  if (LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(settings.level)) return
  process.stderr.write(formatLine(level, scope, message, fields))
}

/** Lines per second of what a stranger can cause at will, so that nobody fills the disk; the rest is counted. */
const MAX_LINES_PER_SECOND = 50
const limiter = { second: 0, lines: 0, suppressed: 0 }

export function logLimited(
  level: LogLevel,
  scope: string,
  message: string,
  fields: LogFields = {},
): void {
  const second = Math.floor(Date.now() / 1_000)
  if (limiter.second !== second) {
    limiter.second = second
    limiter.lines = 0
  }
  limiter.lines += 1
  if (limiter.lines > MAX_LINES_PER_SECOND) {
    limiter.suppressed += 1
    return
  }
  const { suppressed } = limiter
  limiter.suppressed = 0
  log(level, scope, message, suppressed > 0 ? { ...fields, suppressed } : fields)
}

export function formatLine(
  level: LogLevel,
  scope: string,
  message: string,
  fields: LogFields,
): string {
  const parts = [new Date().toISOString(), level, scope, oneLine(message)]
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue
    parts.push(`${name}=${typeof value === 'string' ? JSON.stringify(value) : value}`)
  }
  return `${parts.join('\t')}\n`
}

/** Text from a peer must not be able to forge a second line. */
function oneLine(text: string): string {
  return text.replace(/[\r\n\t]+/g, ' ')
}
