import { statusError } from '../errors.ts'
import { labelKeyProblem, labelValueProblem } from './names.ts'

export type Labels = Readonly<Record<string, string>>

/** `spec.selector` of a Deployment, `selector` of a policy. */
export interface LabelSelector {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: string
    readonly values?: readonly string[]
  }[]
}

type Operator = 'exists' | 'absent' | 'in' | 'notin' | 'gt' | 'lt'

interface Requirement {
  readonly key: string
  readonly operator: Operator
  readonly values: readonly string[]
}

const REQUIREMENT =
  /\s*(?:(?<absent>!)\s*(?<absentKey>[^\s=!<>(),]+)|(?<key>[^\s=!<>(),]+)(?:\s+(?<set>in|notin)\s*\((?<values>[^()]*)\)|\s*(?<comparison>==|=|!=|>|<)\s*(?<value>[^\s=!<>(),]*))?)\s*(?:,(?=\s*\S)|$)/y

/** The selector language of `kubectl -l`; throws BadRequest with what is wrong in it. */
export function parseLabelSelector(selector: string): (labels: Labels | undefined) => boolean {
  const requirements: Requirement[] = []
  let position = 0
  while (selector.trim() !== '' && position < selector.length) {
    REQUIREMENT.lastIndex = position
    const groups = REQUIREMENT.exec(selector)?.groups
    if (groups === undefined) throw malformed(selector, `found '${selector.slice(position)}'`)
    position = REQUIREMENT.lastIndex
    requirements.push(checked(requirementOf(groups), selector))
  }
  return (labels) => requirements.every((requirement) => satisfies(requirement, labels))
}

/** An empty selector selects everything, an absent one nothing, as in Kubernetes. */
export function matchesLabelSelector(
  selector: LabelSelector | undefined,
  labels: Labels | undefined,
): boolean {
  if (selector === undefined) return false
  return (
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels?.[key] === value) &&
    (selector.matchExpressions ?? []).every(({ key, operator, values }) =>
      satisfies({ key, operator: expressionOperator(operator), values: values ?? [] }, labels),
    )
  )
}

function requirementOf(groups: Record<string, string | undefined>): Requirement {
  const { absentKey, key = '', set, values = '', comparison, value = '' } = groups
  if (absentKey !== undefined) return { key: absentKey, operator: 'absent', values: [] }
  if (set !== undefined) {
    const list = values.split(',').map((member) => member.trim())
    return { key, operator: set as 'in' | 'notin', values: list }
  }
  if (comparison === undefined) return { key, operator: 'exists', values: [] }
  const operators: Record<string, Operator> = { '!=': 'notin', '>': 'gt', '<': 'lt' }
  return { key, operator: operators[comparison] ?? 'in', values: [value] }
}

function checked(requirement: Requirement, selector: string): Requirement {
  const { key, operator, values } = requirement
  const problem = labelKeyProblem(key) ?? values.map(labelValueProblem).find(Boolean)
  if (problem !== undefined) throw malformed(selector, problem)
  if ((operator === 'gt' || operator === 'lt') && !/^-?\d+$/.test(values[0] ?? '')) {
    throw malformed(selector, `"${values[0]}" is not an integer`)
  }
  return requirement
}

function satisfies({ key, operator, values }: Requirement, labels: Labels | undefined): boolean {
  const value = labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined
  if (operator === 'exists') return value !== undefined
  if (operator === 'absent') return value === undefined
  if (operator === 'in') return value !== undefined && values.includes(value)
  // Objects without the label satisfy both != and notin.
  if (operator === 'notin') return value === undefined || !values.includes(value)
  if (value === undefined || !/^-?\d+$/.test(value)) return false
  return operator === 'gt' ? Number(value) > Number(values[0]) : Number(value) < Number(values[0])
}

function expressionOperator(operator: string): Operator {
  const operators: Record<string, Operator> = {
    In: 'in',
    NotIn: 'notin',
    Exists: 'exists',
    DoesNotExist: 'absent',
  }
  const known = operators[operator]
  if (known === undefined) {
    throw statusError('BadRequest', `"${operator}" is not a valid label selector operator`)
  }
  return known
}

function malformed(selector: string, problem: string): Error {
  return statusError('BadRequest', `unable to parse label selector "${selector}": ${problem}`)
}
