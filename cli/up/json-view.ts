import type { CommandContext } from '../context.ts'
import { failedCount, type PlaygroundFacts, type Status } from './status.ts'
import type { View } from './view.ts'

/** One document a line: `ready` once, then `status` and `notice`. */
export function jsonView(context: CommandContext, facts: PlaygroundFacts): View {
  const print = (document: object): void => context.out(JSON.stringify(document))
  print({ event: 'ready', at: new Date().toISOString(), ...facts })
  return {
    show: (status) => print({ event: 'status', at: new Date().toISOString(), ...plain(status) }),
    note: (text) => print({ event: 'notice', at: new Date().toISOString(), text }),
    end: () => undefined,
  }
}

function plain({ uptimeMs, pods, load }: Status): object {
  return {
    uptimeMs: Math.round(uptimeMs),
    pods,
    load:
      load === undefined
        ? null
        : {
            windowMs: load.durationMs,
            requestsPerSecond: (load.ok / load.durationMs) * 1000,
            failed: failedCount(load),
            failures: load.failures,
            p50Us: load.p50Us,
            p99Us: load.p99Us,
          },
  }
}
