import type { CommandContext } from '../context.ts'
import { jsonView } from './json-view.ts'
import { lineView } from './line-view.ts'
import { liveView } from './live-view.ts'
import type { PlaygroundFacts, Status } from './status.ts'

/** How a playground is shown; `show` is called about once a second and after every change. */
export interface View {
  show(status: Status): void
  /** Something noteworthy happened, in one line. */
  note(text: string): void
  end(): void
}

export function viewFor(context: CommandContext, facts: PlaygroundFacts): View {
  if (context.json) return jsonView(context, facts)
  context.out(`\n  export KUBECONFIG=${shellWord(facts.kubeconfigPath)}\n`)
  return context.stdout.isTTY === true ? liveView(context, facts) : lineView(context)
}

/** As a POSIX shell reads it back. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
