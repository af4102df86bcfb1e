import { statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { isObject, valueAt } from './json.ts'
import type { LabelSelector } from './label-selector.ts'

/** The `/scale` view of a workload (autoscaling/v1 Scale). */
export function scaleOf(object: Readonly<KubeObject>): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const selector = valueAt(object, 'spec.selector')
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: {
      name,
      ...(namespace && { namespace }),
      ...(uid && { uid }),
      ...(resourceVersion && { resourceVersion }),
      ...(creationTimestamp && { creationTimestamp }),
    },
    spec: { replicas: valueAt(object, 'spec.replicas') ?? 0 },
    status: {
      replicas: valueAt(object, 'status.replicas') ?? 0,
      selector: selectorText(isObject(selector) ? selector : {}),
    },
  }
}

/** The workload with the replicas that a Scale asks for. */
export function withScale(object: Readonly<KubeObject>, scale: KubeObject): KubeObject {
  const replicas = valueAt(scale, 'spec.replicas') ?? 0
  if (!Number.isInteger(replicas) || Number(replicas) < 0) {
    throw statusError('Invalid', `spec.replicas: Invalid value: ${JSON.stringify(replicas)}`)
  }
  const spec = isObject(object.spec) ? object.spec : {}
  const { resourceVersion } = scale.metadata
  const metadata = { ...object.metadata, ...(resourceVersion && { resourceVersion }) }
  return { ...object, metadata, spec: { ...spec, replicas } }
}

function selectorText({ matchLabels = {} }: LabelSelector): string {
  return Object.entries(matchLabels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
}
