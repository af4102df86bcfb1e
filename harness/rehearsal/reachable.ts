import type { ClusterClient } from '../../cluster/client/types.ts'
import { generatorName } from '../deploy/names.ts'
import { isReady, type Pod, podKind } from '../deploy/pods.ts'
import { runLoad } from '../experiment/load-stream.ts'
import { type Caller, lanePlan, serviceName } from './callers.ts'
import type { RehearsedNamespace } from './deploy.ts'

export interface Reachable {
  readonly spread: readonly { readonly service: string; readonly weight: number }[]
  /** What this caller gets no good answer from today, and what it gets instead. */
  readonly refused: readonly { readonly service: string; readonly cause: string }[]
}

const triesPerSecond = 10
const tryingMs = 500
const judging = ['AuthorizationPolicy', 'PeerAuthentication', 'RequestAuthentication']

/** What a caller may call as things are. Without policies that is everything, and nobody has to try. */
export async function reachableFrom(
  client: ClusterClient,
  caller: Caller,
  { namespace, targets, objects }: RehearsedNamespace,
  signal: AbortSignal,
): Promise<Reachable> {
  const all = targets.map(({ service, weight }) => ({
    service: serviceName(caller, service, namespace),
    weight,
  }))
  if (!objects.some(({ kind }) => judging.includes(kind))) return { spread: all, refused: [] }
  const pods = await client.list<Pod>(podKind, {
    namespace: caller.namespace,
    labelSelector: `app=${generatorName}`,
  })
  const pod = pods.find(isReady)?.metadata.name ?? ''
  const spread: { service: string; weight: number }[] = []
  const refused: { service: string; cause: string }[] = []
  for (const target of all) {
    const plan = {
      ...lanePlan([target], 'fresh', triesPerSecond),
      windows: 'once',
      windowMs: tryingMs,
      trace: false,
    } as const
    const { outcomes, failures = {} } = await runLoad(
      client,
      { namespace: caller.namespace, pod },
      plan,
      () => undefined,
      signal,
    )
    const [cause = 'no answer'] = Object.keys(failures)
    if (outcomes.ok > 0) spread.push(target)
    else refused.push({ service: target.service, cause })
  }
  return { spread, refused }
}
