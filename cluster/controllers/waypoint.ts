import { type Deployment, type Gateway, kinds, type Service } from '../kinds.ts'
import {
  hbonePort,
  istioVersion,
  managedByMesh,
  meshLabels,
  waypointNodeAnnotation,
} from '../mesh-labels.ts'
import type { KubeObject } from '../objects.ts'
import { sameJson, withCondition } from './conditions.ts'
import type { Controller, ControllerContext } from './context.ts'
import { proxyContainer } from './injection.ts'
import { createLoop, triggerOn } from './loop.ts'
import { ownerReference, refOf } from './ownership.ts'

export const waypointImage = `meshbench/waypoint:${istioVersion}`
export const waypointClass = 'istio-waypoint'

/** Turns a Gateway of class `istio-waypoint` into a running waypoint, as istiod does. */
export function startWaypointController({ store, view, onError }: ControllerContext): Controller {
  const reconcile = (gateway: Gateway): void => {
    for (const object of waypointObjects(gateway)) {
      if (!store.get(refOf(object))) store.create(object)
    }
    const { name, namespace } = gateway.metadata
    const service = view.services.get(name, namespace)
    const ready = (view.deployments.get(name, namespace)?.status?.readyReplicas ?? 0) > 0
    const status = statusOf(gateway, ready, service?.spec.clusterIP)
    if (sameJson(status, gateway.status)) return
    store.mutateStatus<Gateway>(refOf(gateway), (current) => ({ ...current, status }))
  }
  const loop = createLoop(
    () => {
      for (const gateway of view.gateways.all()) {
        const ours = gateway.spec.gatewayClassName === waypointClass
        if (ours && !gateway.metadata.deletionTimestamp) reconcile(gateway)
      }
    },
    { onError },
  )
  return triggerOn(loop, [view.gateways, view.deployments, view.services])
}

function waypointObjects(gateway: Gateway): KubeObject[] {
  const { name, namespace } = gateway.metadata
  const node = gateway.metadata.annotations?.[waypointNodeAnnotation]
  const labels = {
    ...gateway.metadata.labels,
    [meshLabels.managedGateway]: managedByMesh,
    [meshLabels.gatewayName]: name,
    [meshLabels.dataplaneMode]: 'none',
  }
  const selector = { [meshLabels.gatewayName]: name }
  const metadata = {
    name,
    ...(namespace ? { namespace } : {}),
    labels,
    ownerReferences: [ownerReference(gateway)],
  }
  const deployment: Deployment = {
    ...kinds.deployment,
    metadata,
    spec: {
      replicas: 1,
      selector: { matchLabels: selector },
      template: {
        metadata: {
          labels: {
            ...labels,
            [meshLabels.inject]: 'false',
            [meshLabels.canonicalName]: name,
            [meshLabels.canonicalRevision]: 'latest',
          },
        },
        spec: {
          serviceAccountName: name,
          ...(node ? { nodeSelector: { 'kubernetes.io/hostname': node } } : {}),
          terminationGracePeriodSeconds: 2,
          containers: [proxyContainer('istio-proxy', waypointImage)],
        },
      },
    },
  }
  const service: Service = {
    ...kinds.service,
    metadata,
    spec: {
      selector,
      ports: [
        { name: 'status-port', port: 15021, protocol: 'TCP' },
        { name: 'mesh', port: hbonePort, protocol: 'TCP', appProtocol: 'hbone' },
      ],
    },
  }
  return [{ ...kinds.serviceAccount, metadata }, service, deployment]
}

function statusOf(
  gateway: Gateway,
  ready: boolean,
  clusterIp: string | undefined,
): Gateway['status'] {
  const observedGeneration = gateway.metadata.generation ?? 1
  // The address says "was ready once": a waypoint that fails keeps it (istiod waypoints.go).
  const known = gateway.status?.addresses ?? []
  const addresses =
    known.length > 0 || !ready || !clusterIp ? known : [{ type: 'IPAddress', value: clusterIp }]
  const programmed = ready && addresses.length > 0
  const accepted = withCondition(gateway.status?.conditions, {
    type: 'Accepted',
    status: 'True',
    reason: 'Accepted',
    message: 'Resource accepted',
    observedGeneration,
  })
  return {
    ...(addresses.length > 0 ? { addresses } : {}),
    conditions: withCondition(accepted, {
      type: 'Programmed',
      status: programmed ? 'True' : 'False',
      reason: programmed ? 'Programmed' : 'AddressNotAssigned',
      message: programmed ? 'Resource programmed' : 'The waypoint is not ready yet',
      observedGeneration,
    }),
    listeners: (gateway.spec.listeners ?? []).map(({ name }) => ({
      name,
      attachedRoutes: 0,
      supportedKinds: [],
      conditions: [],
    })),
  }
}
