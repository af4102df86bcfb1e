import type { Store } from '../api/store.ts'
import { type DaemonSet, kinds } from '../kinds.ts'
import {
  istioVersion,
  liveTakeoverAnnotation,
  meshLabels,
  systemNamespace,
  ztunnelNodeLabel,
} from '../mesh-labels.ts'
import type { KubeObject } from '../objects.ts'
import { withCondition } from './conditions.ts'
import { definitions } from './definitions.ts'
import { proxyContainer } from './injection.ts'
import { meshControlPlane } from './mesh-control-plane.ts'
import { refOf } from './ownership.ts'
import { waypointClass } from './waypoint.ts'

export const ztunnelImage = `meshbench/ztunnel:${istioVersion}`
const gatewayClass = { ...kinds.gatewayClass, name: waypointClass }
/** Connections of a ztunnel that is replaced may go on for a little less. */
const graceSeconds = 30

/** What an installation of ambient Istio leaves in the cluster. */
export function installMesh(store: Store, liveTakeover: boolean): void {
  for (const object of meshObjects(liveTakeover)) {
    if (!store.get(refOf(object))) store.create(object)
  }
  const accepted = {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: 'Handled by Istio controller',
    observedGeneration: 1,
  } as const
  store.mutateStatus(gatewayClass, (current) => ({
    ...current,
    status: { conditions: withCondition(undefined, accepted) },
  }))
}

function meshObjects(liveTakeover: boolean): KubeObject[] {
  const labels = { app: 'ztunnel' }
  const metadata = { name: 'ztunnel', namespace: systemNamespace, labels }
  const daemonSet: DaemonSet = {
    ...kinds.daemonSet,
    metadata: {
      ...metadata,
      ...(liveTakeover && { annotations: { [liveTakeoverAnnotation]: 'true' } }),
    },
    spec: {
      selector: { matchLabels: labels },
      // As in Istio's chart: the new one has taken over before the old one goes.
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: {
          labels: {
            ...labels,
            [meshLabels.dataplaneMode]: 'none',
            [meshLabels.inject]: 'false',
            [meshLabels.canonicalName]: 'ztunnel',
            [meshLabels.canonicalRevision]: 'latest',
          },
        },
        spec: {
          serviceAccountName: 'ztunnel',
          nodeSelector: { [ztunnelNodeLabel]: 'true' },
          terminationGracePeriodSeconds: graceSeconds,
          containers: [
            {
              ...proxyContainer('istio-proxy', ztunnelImage),
              env: [{ name: 'TERMINATION_GRACE_PERIOD_SECONDS', value: String(graceSeconds) }],
            },
          ],
        },
      },
    },
  }
  return [
    { ...kinds.namespace, metadata: { name: systemNamespace } },
    ...definitions(),
    ...meshControlPlane(),
    { ...kinds.serviceAccount, metadata },
    daemonSet,
    {
      ...kinds.gatewayClass,
      metadata: { name: waypointClass },
      spec: { controllerName: 'istio.io/mesh-controller' },
    },
  ]
}
