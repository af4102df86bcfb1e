import type { Node } from 'yaml'
import { describe, type Field, itemsOf, scalarOf } from '../files/fields.ts'
import type { Problems } from '../files/problems.ts'
import { parseRate, parseSize } from './values.ts'

/** What `defaults` and every service may say. */
export interface Settings {
  readonly protocol?: 'http' | 'grpc'
  readonly errorRate?: number
  readonly responseBytes?: number
  readonly replicas?: number
  /** Read later: calls in it take the default request size. */
  readonly script?: readonly Node[]
}

export const settingNames = ['type', 'errorRate', 'responseSize', 'script', 'numReplicas']

/** The services' own program keeps an answer in memory. */
const largestBytes = 2 ** 30

export function readSettings(fields: ReadonlyMap<string, Field>, problems: Problems): Settings {
  const protocol = read(fields, 'type', readType, problems)
  const policies = fields.get('numRbacPolicies')
  if (policies !== undefined) {
    problems.warn(policies.key, 'numRbacPolicies is no part of the graph; ignored')
  }
  const errorRate = read(fields, 'errorRate', readRate, problems)
  const responseBytes = read(fields, 'responseSize', readSize, problems)
  const replicas = read(fields, 'numReplicas', readReplicas, problems)
  const script = fields.get('script')
  return {
    ...(protocol === undefined ? {} : { protocol }),
    ...(errorRate === undefined ? {} : { errorRate }),
    ...(responseBytes === undefined ? {} : { responseBytes }),
    ...(replicas === undefined ? {} : { replicas }),
    ...(script === undefined ? {} : { script: itemsOf(script.value, 'script', problems) }),
  }
}

function read<T>(
  fields: ReadonlyMap<string, Field>,
  name: string,
  reader: (node: Node | null, name: string, problems: Problems) => T | undefined,
  problems: Problems,
): T | undefined {
  const field = fields.get(name)
  return field === undefined ? undefined : reader(field.value, name, problems)
}

function readType(
  node: Node | null,
  name: string,
  problems: Problems,
): 'http' | 'grpc' | undefined {
  const type = scalarOf(node)
  if (type === 'http' || type === 'grpc') return type
  problems.fault(node, `${name} must be http or grpc, not ${describe(node)}`)
  return undefined
}

export function readSize(node: Node | null, name: string, problems: Problems): number | undefined {
  const bytes = parseSize(scalarOf(node))
  if (bytes === undefined) {
    problems.fault(node, `${name} must be bytes, like 512 or "10k", not ${describe(node)}`)
  } else if (bytes < 0) {
    problems.fault(node, `${name} is negative: ${describe(node)}`)
  } else if (bytes > largestBytes) {
    problems.fault(node, `${name} is above 1 GiB: ${describe(node)}`)
  } else {
    return bytes
  }
  return undefined
}

function readRate(node: Node | null, name: string, problems: Problems): number | undefined {
  const rate = parseRate(scalarOf(node))
  if (rate !== undefined && rate >= 0 && rate <= 1) return rate
  problems.fault(
    node,
    rate === undefined
      ? `${name} must be a number from 0 to 1 or a text like "0.1%", not ${describe(node)}`
      : `${name} is outside 0 % to 100 %: ${describe(node)}`,
  )
  return undefined
}

function readReplicas(node: Node | null, name: string, problems: Problems): number | undefined {
  const replicas = scalarOf(node)
  if (typeof replicas === 'number' && Number.isInteger(replicas) && replicas >= 1) return replicas
  problems.fault(node, `${name} must be a whole number of at least 1, not ${describe(node)}`)
  return undefined
}
