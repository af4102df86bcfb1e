import { setTimeout as sleep } from 'node:timers/promises'
import type { Command, Script } from '../script.ts'
import { burnCpu } from './burn.ts'
import type { Caller, Headers } from './downstream.ts'

export async function runScript(
  script: Script,
  caller: Caller,
  propagated: Headers,
): Promise<void> {
  for (const step of script) {
    if (!Array.isArray(step)) {
      await runCommand(step as Command, caller, propagated)
      continue
    }
    const commands = step as readonly Command[]
    const results = await Promise.allSettled(
      commands.map((command) => runCommand(command, caller, propagated)),
    )
    const failure = results.find((result) => result.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }
}

async function runCommand(command: Command, caller: Caller, propagated: Headers): Promise<void> {
  if ('call' in command) {
    const { probability } = command.call
    if (probability !== undefined && Math.random() >= probability) return
    await caller(command.call, propagated)
  } else if ('work' in command) {
    burnCpu(command.work.cpuUs)
  } else {
    await sleep(command.sleep.ms)
  }
}
