import { sameJson } from '../../cluster/api/json.ts'
import { kinds, type Namespace, type Pod } from '../../cluster/kinds.ts'
import { meshAnnotations } from '../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../cluster/objects.ts'
import { readCalls } from '../inventory/read-calls.ts'
import { NotReadable } from '../inventory/snapshot.ts'
import type { Requirement } from '../result/plan.ts'
import { countOf, some } from '../verify/context.ts'
import { hasSidecar, membershipOf } from '../verify/pods.ts'
import { conditionOf } from '../verify/policy-accepted.ts'
import { verifyWaypointBound } from '../verify/waypoint-bound.ts'
import { nameOf, refOf } from './call.ts'
import { callersPast } from './callers-past.ts'
import { valueAt } from './changes.ts'
import { StepFailure } from './refusal.ts'
import type { Run } from './run.ts'

/** Why the time of a step has not come, by what the cluster says now; undefined when it has. */
export async function unmetOf(
  run: Run,
  requirements: readonly Requirement[],
): Promise<string | undefined> {
  for (const one of requirements) {
    const unmet = await unmet1(run, one)
    if (unmet !== undefined) return unmet
  }
  return undefined
}

function unmet1(run: Run, requirement: Requirement): Promise<string | undefined> {
  const { namespace = '' } = requirement
  switch (requirement.check) {
    case 'no-sidecars':
      return sidecarsIn(run, namespace)
    case 'no-sidecar-callers':
      return sidecarCallers(run, namespace)
    case 'callers-come-through':
      return calledPast(run, namespace, requirement.except ?? [])
    case 'waypoint-bound':
      return unbound(run, requirement)
    case 'unchanged':
      return changed(run, requirement)
    case 'policy-accepted':
      return unaccepted(run, requirement)
  }
}

/** Pods whose sidecar is at work, by the labels of their namespaces: those taken over live are not. */
async function sidecarPods(run: Run): Promise<{
  readonly all: readonly Pod[]
  readonly working: readonly Pod[]
}> {
  const [namespaces, pods] = await Promise.all([
    run.reader.list<Namespace>(kinds.namespace),
    run.reader.list<Pod>(kinds.pod),
  ])
  const labels = new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}]))
  const all = pods.filter(
    ({ metadata, status }) =>
      metadata.deletionTimestamp === undefined &&
      status?.phase !== 'Succeeded' &&
      status?.phase !== 'Failed',
  )
  const working = all
    .filter(hasSidecar)
    .filter(
      (pod) =>
        membershipOf(pod, labels.get(pod.metadata.namespace ?? '') ?? {}, run.liveTakeover) !==
        'ambient',
    )
  return { all, working }
}

async function sidecarsIn(run: Run, namespace: string): Promise<string | undefined> {
  const { working } = await sidecarPods(run)
  const names = working
    .filter(({ metadata }) => metadata.namespace === namespace)
    .map(({ metadata }) => metadata.name)
  if (names.length === 0) return undefined
  return `${countOf(names.length, 'pod')} of ${namespace} ${names.length === 1 ? 'has' : 'have'} a sidecar: ${some(names)}`
}

/** Proxies count since they began: a caller that is gone stands in nobody's way, plaintext might. */
async function calledPast(
  run: Run,
  namespace: string,
  except: readonly string[],
): Promise<string | undefined> {
  const { all, working } = await sidecarPods(run)
  try {
    const calls = await readCalls(run.reader, [namespace], withoutIdle(all, working), run.stop)
    const names = callersPast(calls(namespace).callers, except)
    if (names.length === 0) return undefined
    return `${namespace} is still called past the waypoint by ${some(names)}`
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error
    return `nobody can tell who calls ${namespace}: ${error.message}`
  }
}

/** One look, where the verification would wait. */
async function unbound(run: Run, { ref }: Requirement): Promise<string | undefined> {
  if (ref === undefined) return undefined
  const context = {
    client: run.reader,
    plan: run.plan,
    step: { id: '' },
    podsBefore: [],
    liveTakeover: run.liveTakeover,
    timeoutMs: 0,
    signal: run.stop,
    onWaiting: () => undefined,
  }
  try {
    await verifyWaypointBound({ check: 'waypoint-bound', ref, timeoutMs: 1 }, context)
    return undefined
  } catch (error) {
    if (error instanceof StepFailure && error.kind === 'unproved') return error.message
    throw error
  }
}

async function sidecarCallers(run: Run, namespace: string): Promise<string | undefined> {
  const { all, working } = await sidecarPods(run)
  if (working.length === 0) return undefined
  try {
    const calls = await readCalls(run.reader, [namespace], withoutIdle(all, working), run.stop)
    const callers = calls(namespace)
      .callers.filter(({ via }) => via === 'sidecar')
      .map((caller) => `${caller.namespace}/${caller.workload}`)
    const distinct = [...new Set(callers)]
    if (distinct.length === 0) return undefined
    return `${namespace} is still called by sidecars: ${some(distinct)}`
  } catch (error) {
    if (!(error instanceof NotReadable)) throw error
    return `${countOf(working.length, 'pod')} elsewhere still ${working.length === 1 ? 'has a sidecar' : 'have sidecars'}, and nobody can tell whether they call ${namespace}: ${error.message}`
  }
}

/** A sidecar without work counts nothing and calls nobody. */
function withoutIdle(all: readonly Pod[], working: readonly Pod[]): readonly Pod[] {
  const atWork = new Set(working)
  return all.map((pod) => {
    if (!hasSidecar(pod) || atWork.has(pod)) return pod
    const { [meshAnnotations.sidecarStatus]: _, ...annotations } = pod.metadata.annotations ?? {}
    return { ...pod, metadata: { ...pod.metadata, annotations } }
  })
}

async function changed(run: Run, { ref, fields = {} }: Requirement): Promise<string | undefined> {
  if (ref === undefined) return undefined
  const current = await run.reader.get<KubeObject>(refOf({ ref }))
  // What has gone stands in nobody's way.
  if (current === undefined) return undefined
  const other = Object.entries(fields)
    .filter(([path, value]) => !sameJson(valueAt(current, path.split('.')) ?? null, value))
    .map(([path]) => path)
  if (other.length === 0) return undefined
  return `${nameOf(ref)} is not as the plan saw it (${other.join(', ')}): look at what changed, then plan anew`
}

async function unaccepted(
  run: Run,
  { ref, condition = 'WaypointAccepted' }: Requirement,
): Promise<string | undefined> {
  if (ref === undefined) return undefined
  const policy = await run.reader.get<KubeObject>(refOf({ ref }))
  if (policy === undefined) return `${nameOf(ref)}, which takes its place, is not there any more`
  const { accepted, why } = conditionOf(policy, condition)
  return accepted
    ? undefined
    : `${nameOf(ref)}, which takes its place, has not ${condition}: ${why}`
}
