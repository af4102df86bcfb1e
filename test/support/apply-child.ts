// A meshbench that is going to be killed: carries out the plan in a file, through a kubeconfig.
import { readFile } from 'node:fs/promises'
import { connectCluster } from '../../cluster/client/connect.ts'
import { applyPlan } from '../../migration/execute/apply.ts'
import { planSchema } from '../../migration/result/plan.ts'

const [, , kubeconfigPath = '', journalDirectory = '', planPath = ''] = process.argv
const plan = planSchema.parse(JSON.parse(await readFile(planPath, 'utf8')))
const client = await connectCluster({ kubeconfigPath })
const { outcome } = await applyPlan(client, plan, {
  journalDirectory,
  readDrift: async () => undefined,
})
process.exitCode = outcome === 'finished' ? 0 : 1
