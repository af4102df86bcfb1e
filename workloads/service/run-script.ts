import { setTimeout as sleep } from 'node:timers/promises'
import type { Command, Script } from '../script.ts'
import { burnCpu } from './burn.ts'
import type { Headers } from './downstream.ts'
import type { Reach } from './reach.ts'

export async function runScript(script: Script, reach: Reach, propagated: Headers): Promise<void> {
  for (const step of script) {
    if (!Array.isArray(step)) {
      await runCommand(step as Command, reach, propagated)
      continue
    }
    const commands = step as readonly Command[]
    const results = await Promise.allSettled(
      commands.map((command) => runCommand(command, reach, propagated)),
    )
    const failure = results.find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }
}

async function runCommand(command: Command, reach: Reach, propagated: Headers): Promise<void> {
  if ('call' in command) {
    const { probability } = command.call
    if (probability !== undefined && Math.random() >= probability) return
    await reach.caller(command.call, propagated)
  } else if ('ask' in command) {
    await reach.asker(command.ask)
  } else if ('work' in command) {
    burnCpu(command.work.cpuUs)
  } else {
    await sleep(command.sleep.ms)
  }
}
