// A meshbench that kills itself, with SIGKILL, at a given entry of its journal. Started before it is
// needed, and without the library that reads kubeconfigs, which costs more than all the rest.
import { open } from 'node:fs/promises'
import { clientOver } from '../../cluster/client/connect.ts'
import { createTransport } from '../../cluster/client/transport.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import { readPlan } from '../../migration/plan/file.ts'
import { rollbackMigration } from '../../migration/rollback/rollback.ts'

export interface KillJob {
  readonly server: string
  readonly caPem: string
  readonly token: string
  readonly action: 'apply' | 'rollback'
  /** Where journals are; of a rollback, the folder of the migration. */
  readonly journals: string
  readonly planPath: string
  readonly death: KillPoint
}

/** Of the entries this process writes, counted from 1. */
export interface KillPoint {
  readonly entry: number
  /** Before anything of it is written, in the middle of the line, or once it has reached the disk. */
  readonly when: 'before' | 'torn' | 'after'
}

process.once('message', (job: KillJob) => {
  run(job).then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : error}\n`)
      process.exit(1)
    },
  )
})
process.send?.('ready')

async function run(job: KillJob): Promise<void> {
  await killAt(job.death, job.planPath)
  const config = {
    getCurrentCluster: () => ({ server: job.server }),
    applyToHTTPSOptions: async (options: { ca?: string; headers?: object }) => {
      options.ca = job.caPem
      options.headers = { authorization: `Bearer ${job.token}` }
    },
  } as unknown as Parameters<typeof createTransport>[0]
  const client = clientOver(createTransport(config), async () => config)
  if (job.action === 'rollback') await rollbackMigration(client, job.journals)
  else {
    await applyPlan(client, readPlan(job.planPath), {
      journalDirectory: job.journals,
      readDrift: async () => undefined,
      gate: { intervals: 1, intervalMs: 1, maxErrorRate: 0.01, leastRequests: 20 },
    })
  }
}

/** Only the journal is appended to. */
async function killAt({ entry, when }: KillPoint, anyFile: string): Promise<void> {
  const file = await open(anyFile, 'r')
  const handle = Object.getPrototypeOf(file) as typeof file
  await file.close()
  const { appendFile, sync } = handle
  const die = (): Promise<never> => {
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => undefined)
  }
  let written = 0
  handle.appendFile = async function (this: typeof file, data, options) {
    written += 1
    if (written !== entry || when === 'after') return appendFile.call(this, data, options)
    if (when === 'torn') await appendFile.call(this, String(data).slice(0, -9), options)
    return die()
  }
  handle.sync = async function (this: typeof file) {
    await sync.call(this)
    if (written === entry && when === 'after') await die()
  }
}
