import type { AccessLog, Direction } from '../telemetry/access/access-log.ts'
import { type ArrivalFacts, requestEntry } from './request-entry.ts'
import type { HttpRules } from './rules.ts'

/** The same rules, whose requests are logged while the log is on. */
export function logged(
  rules: HttpRules,
  log: AccessLog,
  direction: Direction,
  facts: () => ArrivalFacts,
): HttpRules {
  return {
    ...rules,
    record: (exchange) => {
      rules.record(exchange)
      if (log[direction]) log.write(requestEntry(exchange, facts()))
    },
  }
}
