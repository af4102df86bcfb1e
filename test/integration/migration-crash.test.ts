import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { applyPlan } from '../../migration/execute/apply.ts'
import { journalPath } from '../../migration/journal/folder.ts'
import type { Execution } from '../../migration/result/execution.ts'
import { rollbackMigration } from '../../migration/rollback/rollback.ts'
import { type Stage, startStage } from '../support/migration-stage.ts'
import { apply, folderOf, journalOf, optionsFor, quick, rollback } from '../support/staged-run.ts'

type State = Readonly<Record<string, string>>
/** Stops dead when this many entries are in the journal: at its next request, or once that is done. */
interface Death {
  readonly entries: number
  readonly when: 'before' | 'after'
}

const lease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  name: 'meshbench-migrate-shop',
  namespace: 'shop',
}

function entriesIn(stage: Stage): number {
  try {
    return readFileSync(journalPath(folderOf(stage)), 'utf8').split('\n').length - 1
  } catch {
    return 0
  }
}

/**
 * Lets `begin` run until its death: from then on nothing it asks for is answered, so it does nothing
 * more, and all that is left of it is what a SIGKILL would leave, its journal and the cluster.
 * Gives a way to bury it.
 */
async function die(stage: Stage, death: Death, begin: (signal: AbortSignal) => Promise<Execution>) {
  const burial = new AbortController()
  let run: Promise<unknown> | undefined
  await new Promise<void>((resolve) => {
    let dead = false
    stage.faulty.inflict(({ isWrite, path }) => {
      if (dead) return { silent: 'before' }
      if (entriesIn(stage) < death.entries) return undefined
      const isCall = isWrite && !path.includes('/leases')
      if (death.when === 'after' && !isCall) return undefined
      dead = true
      setTimeout(resolve, death.when === 'after' ? 20 : 0)
      return { silent: death.when }
    })
    run = begin(burial.signal).finally(resolve)
    run.catch(() => undefined)
  })
  // Its lease is not renewed any more, and runs out.
  stage.store.mutate(lease, (current) => ({
    ...current,
    spec: { ...(current.spec as object), renewTime: '2026-01-01T00:00:00.000000Z' },
  }))
  return async (): Promise<void> => {
    burial.abort()
    await stage.stop()
    buried.push(run?.catch(() => undefined))
  }
}

/** They give up by themselves, a while after nothing can be reached any more. */
const buried: unknown[] = []
after(() => Promise.all(buried))

const dying = (stage: Stage) => (signal: AbortSignal) => apply(stage, { signal }, 60_000)

async function resume(stage: Stage): Promise<Execution> {
  return applyPlan(await stage.direct(), stage.plan(), optionsFor(stage))
}

async function takeBack(stage: Stage): Promise<Execution> {
  return rollbackMigration(await stage.direct(), folderOf(stage), { patience: quick })
}

/** An undisturbed run: what it writes, where it ends, and what taking it back writes. */
async function measure() {
  const stage = await startStage()
  try {
    const initial = stage.state()
    await apply(stage)
    const applied = entriesIn(stage)
    const kinds = readFileSync(journalPath(folderOf(stage)), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { entry: string }).entry)
    const final = stage.state()
    await rollback(stage)
    return { initial, final, applied, kinds, all: entriesIn(stage) }
  } finally {
    await stage.stop()
  }
}

function deathsUpTo(applied: number, kinds: readonly string[]): readonly Death[] {
  return Array.from({ length: applied }, (_, index) => index + 1).flatMap((entries) => {
    const before: Death = { entries, when: 'before' }
    const after: Death = { entries, when: 'after' }
    return kinds[entries - 1] === 'call' ? [before, after] : [before]
  })
}

test('killed at any point of its journal, a migration is finished by the next run', async () => {
  const { final, applied, kinds } = await measure()
  assert.ok(applied > 25, `${applied} entries`)
  for (const death of deathsUpTo(applied, kinds)) {
    const stage = await startStage()
    const bury = await die(stage, death, dying(stage))
    const what = `${death.when} the request that follows entry ${death.entries}`
    const left = await journalOf(stage)
    assert.ok(['resumable', 'finished'].includes(left.phase), what)
    const done = await resume(stage)
    assert.equal(done.outcome, 'finished', `${what}: ${done.reason}`)
    assertSame(stage, final, what)
    assert.deepEqual(done.pods, { before: 3, untouched: 3, converted: 0, others: [] }, what)
    await bury()
  }
})

test('killed at any point of its journal, a migration is taken back as if it had never been', async () => {
  const { initial, applied, kinds } = await measure()
  for (const death of deathsUpTo(applied, kinds)) {
    const stage = await startStage()
    const bury = await die(stage, death, dying(stage))
    const what = `${death.when} the request that follows entry ${death.entries}`
    const done = await takeBack(stage)
    assert.equal(done.outcome, 'rolled-back', `${what}: ${done.reason}`)
    assertSame(stage, initial, what)
    assert.equal((await journalOf(stage)).phase, 'rolled-back', what)
    await bury()
  }
})

test('killed while taking back, the next rollback finishes it', async () => {
  const { initial, applied, all } = await measure()
  for (let entries = applied + 1; entries <= all; entries += 1) {
    const stage = await startStage()
    await apply(stage)
    const bury = await die(stage, { entries, when: 'before' }, (signal) =>
      rollback(stage, { signal }, 60_000),
    )
    const what = `entry ${entries} of ${all}`
    const done = await takeBack(stage)
    assert.equal(done.outcome, 'rolled-back', `${what}: ${done.reason}`)
    assertSame(stage, initial, what)
    await bury()
  }
})

test('an entry that was half written is as if it had not been', async () => {
  const { final } = await measure()
  for (const torn of ['{"at":"2026', '\0\0\0\0\n', '{"at":"x","entry":"finished"']) {
    const stage = await startStage()
    const bury = await die(stage, { entries: 12, when: 'before' }, dying(stage))
    await appendFile(journalPath(folderOf(stage)), torn)
    assert.equal((await resume(stage)).outcome, 'finished')
    assertSame(stage, final, torn)
    await bury()
  }
})

test('a journal that is damaged elsewhere is refused, and nothing is done', async () => {
  const stage = await startStage()
  const bury = await die(stage, { entries: 12, when: 'before' }, dying(stage))
  const path = journalPath(folderOf(stage))
  const lines = (await readFile(path, 'utf8')).split('\n')
  await writeFile(path, [...lines.slice(0, 3), 'garbage', ...lines.slice(4)].join('\n'))
  const before = stage.state()
  await assert.rejects(resume(stage), /is damaged: line 4: it is not JSON/)
  await assert.rejects(takeBack(stage), /is damaged: line 4/)
  assertSame(stage, before, 'damaged')
  await bury()
})

test('kill -9 at every write: the next run takes the lease over from the dead and finishes', async (t) => {
  const { final } = await measure()
  // The lease, six calls, the lease again.
  for (let write = 1; write <= 8; write += 1) {
    const stage = await startStage()
    t.after(() => stage.stop())
    const planPath = join(stage.journals, '..', 'plan.json')
    await writeFile(planPath, JSON.stringify(stage.plan()))
    const script = join(import.meta.dirname, '..', 'support', 'apply-child.js')
    const child = fork(script, [stage.faulty.kubeconfigPath, stage.journals, planPath])
    const exited = once(child, 'exit')
    stage.faulty.inflict(({ isWrite, writeNumber }) =>
      isWrite && writeNumber === write
        ? { when: write % 2 ? 'after' : 'before', call: () => child.kill('SIGKILL') }
        : undefined,
    )
    const [code, signal] = await exited
    assert.equal(signal, 'SIGKILL', `write ${write}: ended with ${code}`)
    const phase = write === 1 ? 'new' : write === 8 ? 'finished' : 'resumable'
    assert.equal((await journalOf(stage)).phase, phase, `write ${write}`)
    const done = await resume(stage)
    assert.equal(done.outcome, 'finished', `write ${write}: ${done.reason}`)
    assertSame(stage, final, `write ${write}`)
  }
})

/** But for the lease, which is given back. */
function assertSame(stage: Stage, expected: State, what: string): void {
  assert.deepEqual(stage.state(), expected, what)
}
