// The measured process: reads a cluster by its kubeconfig, judges and plans, and says what it took.
import { connectCluster } from '../../dist/cluster/client/connect.js'
import { dryRunsOf } from '../../dist/migration/execute/try-calls.js'
import { takeSnapshot } from '../../dist/migration/inventory/take-snapshot.js'
import { buildPlan, planWork } from '../../dist/migration/plan/build.js'
import { decideIntent } from '../../dist/migration/plan/decide-intent.js'
import { runChecks } from '../../dist/migration/preflight/run-checks.js'

const [kubeconfigPath, ...namespaces] = process.argv.slice(2)
const options = {
  namespaces,
  restartWorkloads: false,
  waypoint: 'auto',
  waypointName: 'waypoint',
  accept: [],
  probe: false,
}
const begunMs = performance.now()
const client = await connectCluster({ kubeconfigPath })
const snapshot = await takeSnapshot(client, { namespaces })
const readMs = performance.now() - begunMs
const intent = decideIntent(snapshot, options)
const identity = { id: 'bench', createdAt: new Date().toISOString(), tool: 'bench' }
const work = planWork(snapshot, intent, identity)
const dryRuns = await dryRunsOf(client, work.steps, identity.id)
const checks = runChecks({ snapshot, intent, dryRuns })
const plan = buildPlan(snapshot, intent, checks, identity, work)
const totalMs = performance.now() - begunMs
process.send({
  readMs,
  totalMs,
  steps: plan.steps.length,
  pods: snapshot.items('pod').length,
  namespaces: snapshot.items('namespace').length,
  // Kibibytes on every platform but macOS, where Node converts.
  peakBytes: process.resourceUsage().maxRSS * 1024,
})
process.disconnect()
