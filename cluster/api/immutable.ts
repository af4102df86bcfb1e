import type { StatusCause } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { clone, isObject, type JsonObject, sameJson, valueAt } from './json.ts'
import { invalid } from './names.ts'

/** Fields that keep their first non-empty value for the life of the object. */
export function immutableFields(...paths: readonly string[]) {
  return (object: KubeObject, previous: KubeObject): StatusCause[] =>
    paths.flatMap((path) => {
      const before = valueAt(previous, path)
      const now = valueAt(object, path)
      if (before === undefined || before === '' || sameJson(before, now)) return []
      return [invalid(path, now, 'field is immutable')]
    })
}

/** Of a ConfigMap or Secret that says `immutable`: neither its data nor that can be changed any more. */
export function sealedData(object: KubeObject, previous: KubeObject): StatusCause[] {
  if (previous.immutable !== true) return []
  const message = 'Forbidden: field is immutable when `immutable` is set'
  return ['immutable', 'data', 'binaryData']
    .filter((field) => !sameJson(object[field] ?? {}, previous[field] ?? {}))
    .map((field) => ({ reason: 'FieldValueForbidden', message, field }))
}

const POD_RULE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

/** A running pod is what it is; only its node may be filled in, and images exchanged. */
export function podUpdateProblems(pod: KubeObject, previous: KubeObject): StatusCause[] {
  const before = fixedSpec(previous)
  const now = fixedSpec(pod)
  if ((before.nodeName ?? '') === '') delete now.nodeName
  if (before.nodeName === '') delete before.nodeName
  if (sameJson(before, now)) return []
  return [{ reason: 'FieldValueForbidden', message: `Forbidden: ${POD_RULE}`, field: 'spec' }]
}

/** Which node takes a pod is not for whoever edits it to say. */
export function podBindingProblems(pod: KubeObject, previous: KubeObject): StatusCause[] {
  const before = valueAt(previous, 'spec.nodeName') ?? ''
  if ((valueAt(pod, 'spec.nodeName') ?? '') === before) return []
  return [{ reason: 'FieldValueForbidden', message: `Forbidden: ${POD_RULE}`, field: 'spec' }]
}

function fixedSpec(pod: KubeObject): JsonObject {
  const spec = isObject(pod.spec) ? clone(pod.spec) : {}
  delete spec.tolerations
  delete spec.activeDeadlineSeconds
  delete spec.schedulingGates
  for (const list of [spec.containers, spec.initContainers]) {
    if (!Array.isArray(list)) continue
    for (const container of list) if (isObject(container)) delete container.image
  }
  return spec
}
