import { meshLabels } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { type InventoryKind, inventoryKinds } from './kinds.ts'
import {
  alertRules,
  metadataOnly,
  node,
  otherPod,
  otherWorkload,
  targetPod,
  webhooks,
  whole,
  withManagers,
} from './project.ts'

/** How one kind is read, and what is kept of each object. */
export interface Reading {
  readonly kind: InventoryKind
  readonly where: 'everywhere' | 'targets'
  readonly keep: (object: KubeObject, isTarget: boolean) => KubeObject | undefined
  /** Whether a cluster that does not have the kind simply has no such objects. */
  readonly optional: boolean
}

/** Read by name or by label instead (read-configuration.ts). */
const BY_NAME: readonly InventoryKind[] = ['configMap', 'secret', 'customResourceDefinition']

/** Control planes and gateways are read for what they are configured with, wherever they are. */
function workload(object: KubeObject, isTarget: boolean): KubeObject {
  const { labels = {} } = object.metadata
  const ofMesh = labels.app === 'istiod' || meshLabels.gatewayName in labels
  return isTarget || ofMesh ? whole(object) : otherWorkload(object)
}

const special: Partial<Record<InventoryKind, Partial<Reading>>> = {
  namespace: {
    keep: (object, isTarget) => (isTarget ? withManagers(object) : whole(object)),
  },
  node: { keep: node },
  pod: { keep: (object, isTarget) => (isTarget ? targetPod(object) : otherPod(object)) },
  deployment: { keep: workload },
  statefulSet: { keep: workload },
  replicaSet: { where: 'targets', keep: metadataOnly },
  job: { where: 'targets' },
  cronJob: { where: 'targets', optional: true },
  disruptionBudget: { where: 'targets', optional: true },
  autoscaler: { where: 'targets', optional: true },
  resourceQuota: { optional: true },
  serviceAccount: { where: 'targets', keep: metadataOnly },
  mutatingWebhook: { keep: webhooks },
  prometheusRule: { keep: alertRules },
}

/** The longest first, so that they do not end up alone. */
export const readings: readonly Reading[] = Object.entries(inventoryKinds)
  .map(([name, { apiVersion }]): Reading => {
    const kind = name as InventoryKind
    return {
      kind,
      where: 'everywhere',
      keep: whole,
      optional: isCustom(apiVersion),
      ...special[kind],
    }
  })
  .filter(({ kind }) => !BY_NAME.includes(kind))
  .sort((a, b) => Number(b.kind === 'pod') - Number(a.kind === 'pod'))

/** Kinds that somebody installs, other than those every Kubernetes has. */
function isCustom(apiVersion: string): boolean {
  const group = apiVersion.split('/')[0] ?? ''
  return group.includes('.') && !/^(networking|admissionregistration)\.k8s\.io$/.test(group)
}
