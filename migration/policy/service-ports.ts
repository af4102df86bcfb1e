import type { AuthorizationRule } from '../../cluster/mesh/authorization-rules.ts'
import type { Backed } from './waypoint-targets.ts'

const portCondition = 'destination.port'

/** Whether rules tell ports apart: pods see their own, waypoints those of the service. */
export function namesPorts(rules: readonly AuthorizationRule[]): boolean {
  return rules.some(
    ({ to = [], when = [] }) =>
      to.some(
        ({ operation }) => operation?.ports !== undefined || operation?.notPorts !== undefined,
      ) || when.some(({ key }) => key === portCondition),
  )
}

export function sameAtService({ ports }: Backed): boolean {
  return [...ports].every(([port, target]) => port === target)
}

/** Rules for pods as rules for one of their services; those for ports it does not offer are left out. */
export function rulesForService(
  rules: readonly AuthorizationRule[],
  { ports }: Backed,
): readonly AuthorizationRule[] {
  const translate: Translate = (values = []) =>
    [...ports].filter(([, target]) => values.includes(String(target))).map(([port]) => String(port))
  return rules.flatMap((rule) => {
    const to = operations(rule.to ?? [], translate)
    const when = conditions(rule.when ?? [], translate)
    if (to === 'never' || when === 'never') return []
    const { from } = rule
    return [
      {
        ...(from ? { from } : {}),
        ...(to.length > 0 ? { to } : {}),
        ...(when.length > 0 ? { when } : {}),
      },
    ]
  })
}

type Translate = (values: readonly string[] | undefined) => readonly string[]
type Operations = NonNullable<AuthorizationRule['to']>
type Conditions = NonNullable<AuthorizationRule['when']>

/** Nothing: whatever port. An empty list of ports would mean that, so such an alternative goes. */
function operations(to: Operations, translate: Translate): Operations | 'never' {
  const entries = to.flatMap(({ operation = {} }) => {
    const { ports: wanted = [], notPorts: unwanted = [], ...others } = operation
    const ports = translate(wanted)
    const notPorts = translate(unwanted)
    if (wanted.length > 0 && ports.length === 0) return []
    return {
      operation: {
        ...others,
        ...(ports.length > 0 ? { ports } : {}),
        ...(notPorts.length > 0 ? { notPorts } : {}),
      },
    }
  })
  if (to.length > 0 && entries.length === 0) return 'never'
  return entries.some(({ operation }) => Object.keys(operation).length === 0) ? [] : entries
}

function conditions(when: Conditions, translate: Translate): Conditions | 'never' {
  const entries = when.map((condition) =>
    condition.key === portCondition
      ? {
          key: condition.key,
          asked: (condition.values ?? []).length > 0,
          values: translate(condition.values),
          notValues: translate(condition.notValues),
        }
      : condition,
  )
  if (entries.some((one) => 'asked' in one && one.asked && one.values.length === 0)) return 'never'
  return entries.flatMap((one) => {
    if (!('asked' in one)) return [one]
    const { key, values, notValues } = one
    if (values.length + notValues.length === 0) return []
    return [
      {
        key,
        ...(values.length > 0 ? { values } : {}),
        ...(notValues.length > 0 ? { notValues } : {}),
      },
    ]
  })
}
