import type { PeerAuthentication } from '../../cluster/kinds.ts'
import { nameOf } from '../plan/selection.ts'
import type { PolicyEffect } from '../result/plan.ts'
import type { Situation } from './situation.ts'

/** istiod turns STRICT into a DENY that ztunnels enforce, by the same precedence: nothing is lost. */
export function peerEffect(policy: PeerAuthentication, { pods }: Situation): PolicyEffect {
  const { mtls, portLevelMtls = {} } = policy.spec ?? {}
  const strict = [mtls, ...Object.values(portLevelMtls)].some((one) => one?.mode === 'STRICT')
  const joins = pods.some(({ was, is }) => was === 'none' && is === 'ambient')
  if (strict && joins) {
    return {
      policy: nameOf(policy),
      effect: 'stricter',
      because: 'pods that had no sidecar refuse plaintext once they are ambient',
    }
  }
  return {
    policy: nameOf(policy),
    effect: 'same',
    because: 'ztunnels refuse plaintext where sidecars did',
  }
}
