import type { PodState } from '../../harness/playground/pods.ts'
import type { CommandContext } from '../context.ts'
import { clock, failedCount, loadSentence, type PlaygroundFacts, type Status } from './status.ts'
import type { View } from './view.ts'

const assumedColumns = 80
const assumedRows = 24
/** Lines of the view that are not pods, and the one the cursor stands in. */
const otherRows = 6

/** On a terminal: a block that is drawn again in place. */
export function liveView(context: CommandContext, facts: PlaygroundFacts): View {
  const { stdout } = context
  let drawn = 0
  let shown = ''
  const erase = (): void => {
    if (drawn > 0) stdout.write(`\x1b[${drawn}A\x1b[J`)
    drawn = 0
    shown = ''
  }
  return {
    show: (status) => {
      const lines = draw(status, facts, context)
      const text = lines.join('\n')
      if (text === shown) return
      erase()
      stdout.write(`${text}\n`)
      drawn = lines.length
      shown = text
    },
    note: (text) => {
      erase()
      context.stderr.write(`${text}\n`)
    },
    end: () => undefined,
  }
}

function draw(
  { uptimeMs, pods, load }: Status,
  { workload, ratePerSecond }: PlaygroundFacts,
  { paint, stdout }: CommandContext,
): string[] {
  const width = (stdout.columns ?? assumedColumns) - 1
  const fit = (text: string): string => text.slice(0, width)
  const room = Math.max((stdout.rows ?? assumedRows) - otherRows, 1)
  const rest = pods.length - room
  const shown = rest > 0 ? pods.slice(0, room - 1) : pods
  const nameWidth = Math.max(...shown.map(({ name }) => name.length), 3)
  const failed = load === undefined || failedCount(load) > 0
  return [
    paint('strong', fit(`${workload} under ${ratePerSecond} req/s for ${clock(uptimeMs)}`)),
    paint(failed ? 'worse' : 'better', fit(`last 10 s: ${loadSentence(load)}`)),
    '',
    paint('faint', fit(row(['POD', 'NODE', 'READY', 'RESTARTS', 'CAPTURED BY'], nameWidth))),
    ...shown.map((pod) => {
      const line = fit(row(cells(pod), nameWidth))
      return pod.ready ? line : paint('warning', line)
    }),
    ...(rest > 0 ? [paint('faint', fit(`and ${rest + 1} more: kubectl get pods -A`))] : []),
  ]
}

function cells({ name, node, ready, phase, ...pod }: PodState): readonly string[] {
  const state = ready ? '' : ` ${phase}`
  const count = `${pod.containersReady}/${pod.containers}${state}`
  return [name, node, count, String(pod.restarts), pod.capturedBy]
}

function row(
  [name = '', node = '', ready = '', restarts = '', by = '']: readonly string[],
  width: number,
): string {
  return `${name.padEnd(width)}  ${node.padEnd(8)}  ${ready.padEnd(12)}  ${restarts.padEnd(8)}  ${by}`
}
