import type { StatusCause } from '../../errors.ts'
import type { KubeObject } from '../../objects.ts'
import { isObject, valueAt } from '../json.ts'
import { type LabelSelector, matchesLabelSelector } from '../label-selector.ts'
import { invalid, required, unsupported } from './causes.ts'
import { podSpecProblems } from './pods.ts'

/** Of Deployment, ReplicaSet, StatefulSet and DaemonSet: a selector that finds the pods of the template. */
export function workloadProblems(object: KubeObject): StatusCause[] {
  const causes: StatusCause[] = []
  const replicas = valueAt(object, 'spec.replicas')
  if (typeof replicas === 'number' && replicas < 0) {
    causes.push(invalid('spec.replicas', replicas, 'must be greater than or equal to 0'))
  }
  const selector = valueAt(object, 'spec.selector')
  if (!isObject(selector)) causes.push(required('spec.selector'))
  else if (Object.keys(selector).length === 0) {
    const why = `empty selector is invalid for ${object.kind.toLowerCase()}`
    causes.push(invalid('spec.selector', selector, why))
  } else {
    const labels = valueAt(object, 'spec.template.metadata.labels')
    const own = isObject(labels) ? (labels as Record<string, string>) : undefined
    if (!matchesLabelSelector(selector as LabelSelector, own)) {
      const why = '`selector` does not match template `labels`'
      causes.push(invalid('spec.template.metadata.labels', own ?? {}, why))
    }
  }
  return [...causes, ...templateProblems(object, ['Always'])]
}

/** Of a Job, whose pods end and which selects them by itself. */
export function jobProblems(object: KubeObject): StatusCause[] {
  const causes: StatusCause[] = []
  for (const name of ['parallelism', 'completions', 'backoffLimit', 'activeDeadlineSeconds']) {
    const value = valueAt(object, `spec.${name}`)
    if (typeof value === 'number' && value < 0) {
      causes.push(invalid(`spec.${name}`, value, 'must be greater than or equal to 0'))
    }
  }
  return [...causes, ...templateProblems(object, ['OnFailure', 'Never'])]
}

function templateProblems(object: KubeObject, restartPolicies: readonly string[]): StatusCause[] {
  const path = 'spec.template.spec'
  const spec = valueAt(object, path)
  const policy = valueAt(object, `${path}.restartPolicy`)
  const causes = podSpecProblems(isObject(spec) ? { ...spec, restartPolicy: undefined } : {}, path)
  if (policy !== undefined && !restartPolicies.some((known) => known === policy)) {
    causes.push(unsupported(`${path}.restartPolicy`, policy, restartPolicies))
  }
  return causes
}
