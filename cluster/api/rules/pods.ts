import type { StatusCause } from '../../errors.ts'
import type { KubeObject } from '../../objects.ts'
import { isObject, type JsonObject, members } from '../json.ts'
import { nameProblem } from '../names.ts'
import { duplicate, invalid, required, unsupported } from './causes.ts'
import { portProblem } from './ports.ts'

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never']

export function podProblems({ spec }: KubeObject): StatusCause[] {
  return podSpecProblems(isObject(spec) ? spec : {}, 'spec')
}

/** What keeps a pod from being run at all (pkg/apis/core/validation of Kubernetes has much more). */
export function podSpecProblems(spec: JsonObject, path: string): StatusCause[] {
  const causes: StatusCause[] = []
  if (members(spec.containers).length === 0) causes.push(required(`${path}.containers`))
  const taken = new Set<unknown>()
  for (const list of ['initContainers', 'containers']) {
    for (const [index, container] of members(spec[list]).entries()) {
      causes.push(...containerProblems(container, `${path}.${list}[${index}]`, taken))
    }
  }
  const policy = spec.restartPolicy
  if (policy !== undefined && !RESTART_POLICIES.some((known) => known === policy)) {
    causes.push(unsupported(`${path}.restartPolicy`, policy, RESTART_POLICIES))
  }
  const grace = spec.terminationGracePeriodSeconds
  if (typeof grace === 'number' && grace < 0) {
    const why = 'must be greater than or equal to 0'
    causes.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, why))
  }
  return causes
}

function containerProblems(
  container: JsonObject,
  path: string,
  taken: Set<unknown>,
): StatusCause[] {
  const causes: StatusCause[] = []
  const { name, image } = container
  if (!name) causes.push(required(`${path}.name`))
  else {
    const problem = nameProblem(String(name), 'label')
    if (problem !== undefined) causes.push(invalid(`${path}.name`, name, problem))
    if (taken.has(name)) causes.push(duplicate(`${path}.name`, name))
    taken.add(name)
  }
  if (!image) causes.push(required(`${path}.image`))
  for (const [index, { containerPort }] of members(container.ports).entries()) {
    const field = `${path}.ports[${index}].containerPort`
    if (containerPort === undefined) causes.push(required(field))
    else causes.push(...portProblem(field, containerPort))
  }
  for (const [index, variable] of members(container.env).entries()) {
    if (!variable.name) causes.push(required(`${path}.env[${index}].name`))
  }
  return causes
}
