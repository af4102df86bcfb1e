import type { Controller, ControllerContext } from './context.ts'
import { startDaemonSetController } from './daemon-set.ts'
import { startDeploymentController } from './deployment.ts'
import { startEndpointsController } from './endpoints.ts'
import { startReplicaSetController } from './replica-set.ts'
import { startScheduler } from './scheduler.ts'
import { startServiceAccountController } from './service-accounts.ts'
import { startUnattendedPodCollector } from './unattended-pods.ts'
import { startWaypointController } from './waypoint.ts'

const starters = [
  startServiceAccountController,
  startDeploymentController,
  startReplicaSetController,
  startDaemonSetController,
  startScheduler,
  startEndpointsController,
  startWaypointController,
  startUnattendedPodCollector,
]

export function startControllers(context: ControllerContext): Controller {
  const controllers = starters.map((start) => start(context))
  return {
    stop: async () => {
      await Promise.all(controllers.map((controller) => controller.stop()))
    },
  }
}
