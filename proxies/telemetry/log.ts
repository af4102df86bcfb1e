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
