// Kills real processes of meshbench at chosen entries of their journal, one after the other on one stage.
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { applyPlan } from '../../migration/execute/apply.ts'
import type { MigrationState } from '../../migration/journal/state.ts'
import { writePlan } from '../../migration/plan/file.ts'
import type { Execution } from '../../migration/result/execution.ts'
import type { Plan } from '../../migration/result/plan.ts'
import { takeBack } from './deaths.ts'
import type { KillJob, KillPoint } from './kill-child.ts'
import { allSteps, type Stage, step } from './migration-stage.ts'
import { deployStore, restartStore, stored } from './rollout-stand-in.ts'
import { folderOf, journalOf, optionsFor, staged } from './staged-run.ts'

const script = join(import.meta.dirname, 'kill-child.js')

export interface Killing {
  readonly action: KillJob['action']
  /** Phases a journal may tell of after a death, and after an action that outlived its journal. */
  readonly phases: readonly MigrationState['phase'][]
  readonly outlived: MigrationState['phase']
  /** What has to have happened for the action to begin. */
  prepare?(plan: Plan, what: string): Promise<void>
  /** The way out that is tried before everything is taken back. */
  goOn?(plan: Plan, what: string, when: KillPoint['when'], state: MigrationState): Promise<void>
}

/** A namespace with everything in it, and whoever rolls its workloads out. */
export async function killingStage(t: {
  after(run: () => Promise<void>): void
}): Promise<{ readonly stage: Stage; readonly victims: Victims; readonly initial: unknown }> {
  const stage = await staged(t)
  const controller = deployStore(stage.store)
  const victims = new Victims()
  t.after(() => victims.end())
  t.after(async () => controller.stop())
  return { stage, victims, initial: stage.state() }
}

/**
 * Kills one process after the other, each at the next entry it would write, until one outlives its
 * journal; each time all that was begun is then taken back. Gives where they died.
 */
export async function killAtEveryEntry(
  { stage, victims, initial }: Awaited<ReturnType<typeof killingStage>>,
  { action, phases, outlived, prepare, goOn }: Killing,
): Promise<readonly KillPoint[]> {
  const seen: KillPoint[] = []
  for (let entry = 1, left = 1; left > 0; entry += 1) {
    left = 0
    for (const when of whensAt(entry)) {
      await forget(stage)
      const plan = wholePlan(stage)
      const what = `${when} entry ${entry}`
      await prepare?.(plan, what)
      const killed = await victims.kill(stage, plan, action, { entry, when })
      if (killed) {
        left += 1
        seen.push({ entry, when })
      }
      const state = await journalOf(stage)
      assertPhase(state, killed ? phases : [outlived], what)
      await goOn?.(plan, what, when, state)
      const back = await takeBack(stage)
      assert.equal(back.outcome, 'rolled-back', `${what}: ${back.reason}`)
      assert.deepEqual(stage.state(), initial, what)
      assert.equal((await journalOf(stage)).phase, 'rolled-back', what)
    }
  }
  return seen
}

/** Starts the next child while the one before is at work. */
class Victims {
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
async function forget(stage: Stage): Promise<void> {
  await rm(folderOf(stage), { recursive: true, force: true })
}

const gate = { intervals: 1, intervalMs: 1, maxErrorRate: 0.01, leastRequests: 20 }
/** Half a line differs from none only for whoever reads it: some of them will do. */
const whensAt = (entry: number): readonly KillPoint['when'][] =>
  entry % 8 === 0 ? ['before', 'torn', 'after'] : ['before', 'after']

/** With everything a migration can do to a namespace, restarts included. */
export function wholePlan(stage: Stage): Plan {
  const steps = allSteps(stage.store)
  const turned = steps.findIndex(({ phase }) => phase === 'S10') + 1
  const restart = step('S11/shop/Deployment/store', {
    calls: [restartStore],
    verify: [
      { check: 'rolled-out', ref: stored, timeoutMs: 5_000 },
      { check: 'converted', ref: stored, namespace: 'shop', timeoutMs: 5_000 },
    ],
  })
  // Carts keep their sidecars: it is left for later, each time.
  const later = step('S12/later', {
    namespace: 'shop',
    requires: [{ check: 'no-sidecars', namespace: 'shop' }],
    calls: [{ verb: 'delete', ref: { ...stored, name: 'none' }, uid: 'none' }],
  })
  const guard = step('S13/shop', {
    requires: [
      { check: 'waypoint-bound', ref: { apiVersion: 'v1', kind: 'Namespace', name: 'shop' } },
    ],
    calls: [
      {
        verb: 'apply',
        ref: {
          apiVersion: 'security.istio.io/v1',
          kind: 'AuthorizationPolicy',
          name: 'cart-only-waypoint',
          namespace: 'shop',
        },
        body: { spec: { action: 'DENY', rules: [{}] } },
      },
    ],
  })
  const last = steps.slice(-1)
  return stage.plan([
    ...steps.slice(0, turned),
    restart,
    later,
    ...steps.slice(turned, -1),
    guard,
    ...last,
  ])
}

export async function applyHere(stage: Stage, plan: Plan): Promise<Execution> {
  return applyPlan(await stage.direct(), plan, optionsFor(stage, { gate }))
}

/** Which entries have been seen as the last whole one of a killed process: proof that none was skipped. */
export function told(seen: readonly KillPoint[]): string {
  const entries = Math.max(...seen.map(({ entry }) => entry))
  return `${seen.length} processes killed, at each of ${entries} entries`
}

function assertPhase({ phase }: MigrationState, phases: readonly string[], what: string): void {
  assert.ok(phases.includes(phase), `${what}: the journal says ${phase}`)
}
