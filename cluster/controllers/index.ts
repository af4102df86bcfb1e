import { startMeshStatusController } from '../mesh/status-controller.ts'
import type { Controller, ControllerContext } from './context.ts'
import { startDaemonSetController } from './daemon-set.ts'
import { startDeploymentController } from './deployment.ts'
import { startDisruptionBudgetController } from './disruption-budget.ts'
import { startEndpointsController } from './endpoints.ts'
import { startEventCollector } from './events.ts'
import { startInProcessWorkloads } from './in-process.ts'
import { startJobController } from './job.ts'
import { startPodEvents } from './pod-events.ts'
import { startReplicaSetController } from './replica-set.ts'
import { startScheduler } from './scheduler.ts'
import { startServiceAccountController } from './service-accounts.ts'
import { startStatefulSetController } from './stateful-set.ts'
import { startUnattendedPodCollector } from './unattended-pods.ts'
import { startWaypointController } from './waypoint.ts'

const starters = [
  startServiceAccountController,
  startDeploymentController,
  startReplicaSetController,
  startDaemonSetController,
  startStatefulSetController,
  startJobController,
  startDisruptionBudgetController,
  startInProcessWorkloads,
  startScheduler,
  startEndpointsController,
  startWaypointController,
  startMeshStatusController,
  startUnattendedPodCollector,
  startPodEvents,
  startEventCollector,
]

export function startControllers(context: ControllerContext): Controller {
  const controllers = starters.map((start) => start(context))
  return {
    stop: async () => {
      await Promise.all(controllers.map((controller) => controller.stop()))
    },
  }
}
