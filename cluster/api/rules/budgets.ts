import type { StatusCause } from '../../errors.ts'
import type { KubeObject } from '../../objects.ts'
import { isObject } from '../json.ts'
import { invalid } from './causes.ts'

/** A PodDisruptionBudget says how many have to stay or how many may go, not both. */
export function budgetProblems({ spec: given }: KubeObject): StatusCause[] {
  const spec = isObject(given) ? given : {}
  if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
    return [invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set')]
  }
  return ['minAvailable', 'maxUnavailable'].flatMap((name) => {
    const value = spec[name]
    const fits =
      value === undefined ||
      /^\d+%$/.test(String(value)) ||
      (Number.isInteger(value) && Number(value) >= 0)
    return fits
      ? []
      : [invalid(`spec.${name}`, value, 'must be greater than or equal to 0 or a percentage')]
  })
}
