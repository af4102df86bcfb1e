import type { CommandContext } from '../context.ts'
import { clock, failedCount, loadSentence, podSentence, type Status } from './status.ts'
import type { View } from './view.ts'

/** Without news a log needs a sign of life now and then, not every second. */
const quietMs = 10_000

/** For logs and pipes: a line when pods, captors or failures change, else one now and then. */
export function lineView(context: CommandContext): View {
  let captors = new Map<string, string>()
  let lastText = ''
  let lastAtMs = Number.NEGATIVE_INFINITY
  return {
    show: (status) => {
      const at = clock(status.uptimeMs)
      for (const line of moves(captors, status)) context.out(`${at}  ${line}`)
      captors = new Map(status.pods.map(({ name, capturedBy }) => [name, capturedBy]))
      const pods = podSentence(status.pods)
      const text = `${pods} ${status.load === undefined ? '' : failedCount(status.load)}`
      if (text === lastText && status.uptimeMs - lastAtMs < quietMs) return
      lastText = text
      lastAtMs = status.uptimeMs
      context.out(`${at}  ${pods} · ${loadSentence(status.load)}`)
    },
    note: (text) => context.stderr.write(`${text}\n`),
    end: () => undefined,
  }
}

function moves(before: ReadonlyMap<string, string>, { pods }: Status): string[] {
  return pods.flatMap(({ name, capturedBy }) => {
    const was = before.get(name)
    if (was === undefined || was === capturedBy) return []
    return `${name}: captured by ${capturedBy}, was ${was}`
  })
}
