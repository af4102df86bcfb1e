import type { KubeObject } from '../../cluster/objects.ts'
import { parseScript, type Script } from '../../workloads/script.ts'
import { HarnessError } from '../errors.ts'
import { type NamedPort, speaksHttp } from './protocol.ts'

/** A service that callers call, and its share of their requests. */
export interface Target {
  readonly service: string
  readonly weight: number
  /** Deployments and StatefulSets behind it. */
  readonly workloads: readonly string[]
}

type Labels = Readonly<Record<string, string>>

interface Service extends KubeObject {
  spec: {
    readonly selector?: Labels
    readonly clusterIP?: string
    readonly ports?: readonly NamedPort[]
  }
}

interface Deployment extends KubeObject {
  spec: {
    readonly template: {
      readonly metadata?: { readonly labels?: Labels }
      readonly spec: {
        readonly containers: readonly {
          readonly env?: readonly { readonly name: string; readonly value?: string }[]
        }[]
      }
    }
  }
}

/** A graph may call in circles. */
const deepest = 12

/**
 * Every HTTP service of the namespace, so that no pod is migrated unwatched; or `entry` alone. Shares
 * are the inverse of what a request sets off behind its service: each service then costs about the same,
 * and the namespace can carry the rate that was asked for.
 */
export function targetsOf(objects: readonly KubeObject[], entry?: string): Target[] {
  const deployments = objects.filter(({ kind }) =>
    ['Deployment', 'StatefulSet'].includes(kind),
  ) as Deployment[]
  const services = objects.filter(({ kind }) => kind === 'Service') as Service[]
  const behind = (service: Service): Deployment[] =>
    deployments.filter((deployment) => isSelected(service, deployment))
  const scripts = new Map(
    services.map((each) => [each.metadata.name, behind(each).flatMap(scriptOf)]),
  )
  const found = services
    .filter((each) => isCallable(each) && behind(each).length > 0)
    .filter(({ metadata }) => entry === undefined || metadata.name === entry)
    .map((service) => ({
      service: service.metadata.name,
      weight: 1 / requestsFor(service.metadata.name, scripts, 0),
      workloads: behind(service).map(({ metadata }) => metadata.name),
    }))
  if (found.length > 0) return found
  const names = services.filter(isCallable).map(({ metadata }) => metadata.name)
  throw new HarnessError(
    'unknown-workload',
    entry === undefined
      ? 'there is no HTTP service with a Deployment behind it that could be called'
      : `there is no HTTP service named "${entry}" with a Deployment behind it`,
    { hint: `HTTP services: ${names.join(', ') || 'none'}`, exitCode: 2 },
  )
}

/** Requests in the namespace for one to this service, itself included. */
function requestsFor(service: string, scripts: ReadonlyMap<string, Script>, depth: number): number {
  if (depth === deepest) return 1
  return (scripts.get(service) ?? []).flat().reduce((sum, command) => {
    if ('ask' in command) return sum + 1
    if (!('call' in command)) return sum
    const { service: called, probability = 1 } = command.call
    return sum + probability * requestsFor(called.replace(/:\d+$/, ''), scripts, depth + 1)
  }, 1)
}

function isSelected({ spec }: Service, deployment: Deployment): boolean {
  const labels = deployment.spec.template.metadata?.labels ?? {}
  const selector = Object.entries(spec.selector ?? {})
  return selector.length > 0 && selector.every(([key, value]) => labels[key] === value)
}

function scriptOf({ spec }: Deployment): Script {
  const variables = spec.template.spec.containers.flatMap(({ env }) => env ?? [])
  const text = variables.find(({ name }) => name === 'SCRIPT')?.value
  return text === undefined ? [] : parseScript(text)
}

/** By its first port, which is the one that callers find. */
function isCallable({ spec }: Service): boolean {
  const first = spec.ports?.[0]
  return first !== undefined && spec.clusterIP !== 'None' && speaksHttp(first)
}
