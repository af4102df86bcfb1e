// Kills real processes of meshbench at chosen entries of their journal, one after the other on one stage.
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writePlan } from '../../migration/plan/file.ts'
import type { Plan } from '../../migration/result/plan.ts'
import type { KillJob, KillPoint } from './kill-child.ts'
import type { Stage } from './migration-stage.ts'
import { folderOf } from './staged-run.ts'

const script = join(import.meta.dirname, 'kill-child.js')

/** Starts the next child while the one before is at work. */
export class Victims {
  #next = spawn()

  /** Runs until it has killed itself, or has outlived its journal: then false. */
  async kill(
    stage: Stage,
    plan: Plan,
    action: KillJob['action'],
    death: KillPoint,
  ): Promise<boolean> {
    const { child, ready } = this.#next
    this.#next = spawn()
    const planPath = join(stage.journals, '..', 'plan-to-kill.json')
    writePlan(planPath, plan)
    await ready
    const { url: server, caPem, token } = stage.server
    const journals = action === 'apply' ? stage.journals : folderOf(stage)
    const job: KillJob = { server, caPem, token, action, journals, planPath, death }
    const exited = once(child, 'exit') as Promise<[number | null, string | null]>
    child.send(job)
    const [code, signal] = await exited
    if (signal === 'SIGKILL') return true
    assert.equal(code, 0, `${action} ended with ${code} ${signal} before ${JSON.stringify(death)}`)
    return false
  }

  async end(): Promise<void> {
    const { child } = this.#next
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
}

interface Victim {
  readonly child: ChildProcess
  readonly ready: Promise<unknown>
}

function spawn(): Victim {
  const child = fork(script, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  return { child, ready: once(child, 'message') }
}

/** As if nothing had ever been migrated from here. */
export async function forget(stage: Stage): Promise<void> {
  await rm(folderOf(stage), { recursive: true, force: true })
}
