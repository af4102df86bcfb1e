import { hbonePort, meshLabels } from '../../../cluster/mesh-labels.ts'
import type { Call } from '../../result/plan.ts'
import { migrationLabel } from '../steps/context.ts'

const gateway = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway' } as const
export const waypointClass = 'istio-waypoint'

/**
 * As `istioctl waypoint apply` makes it (istio/istio istioctl/pkg/waypoint/waypoint.go). A revision stays on
 * the Gateway when it leaves the namespace, where it would ask for sidecars.
 */
export function waypointCall(request: {
  readonly name: string
  readonly namespace: string
  readonly migration: string
  readonly revision?: string
}): Call {
  const { name, namespace, migration, revision } = request
  return {
    verb: 'apply',
    ref: { ...gateway, name, namespace },
    body: {
      ...gateway,
      metadata: {
        name,
        namespace,
        labels: {
          [migrationLabel]: migration,
          ...(revision === undefined ? {} : { [meshLabels.revision]: revision }),
        },
      },
      spec: {
        gatewayClassName: waypointClass,
        listeners: [{ name: 'mesh', port: hbonePort, protocol: 'HBONE' }],
      },
    },
  }
}

export function waypointRef(name: string, namespace: string) {
  return { ...gateway, name, namespace }
}
