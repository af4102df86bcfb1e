import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callersPast } from '../../../migration/execute/callers-past.ts'
import type { Caller } from '../../../migration/inventory/snapshot.ts'

const caller = (workload: string, via: Caller['via'], principal?: string): Caller => ({
  namespace: 'web',
  workload,
  principal: principal ?? `cluster.local/ns/web/sa/${workload}`,
  destinationService: 'cart.shop.svc.cluster.local',
  protocol: 'http',
  via,
})

const cases: readonly {
  readonly situation: string
  readonly callers: readonly Caller[]
  readonly except?: readonly string[]
  readonly past: readonly string[]
}[] = [
  {
    situation: 'ambient callers and the waypoint itself come through it',
    callers: [caller('front', 'ztunnel'), caller('waypoint', 'waypoint')],
    past: [],
  },
  {
    situation: 'a sidecar goes past it',
    callers: [caller('front', 'sidecar')],
    past: ['web/front, which has a sidecar'],
  },
  {
    situation: 'unless it may',
    callers: [caller('front', 'sidecar'), caller('back', 'sidecar')],
    except: ['cluster.local/ns/web/sa/front'],
    past: ['web/back, which has a sidecar'],
  },
  {
    situation: 'plaintext goes past it, whoever it is from',
    callers: [caller('unknown', 'unknown', 'unknown'), caller('old', 'unknown', 'unknown')],
    past: ['somebody in plaintext', 'web/old in plaintext'],
  },
  {
    situation: 'plaintext is accepted as such, sidecars are not with it',
    callers: [caller('unknown', 'unknown', 'unknown'), caller('front', 'sidecar')],
    except: ['plaintext'],
    past: ['web/front, which has a sidecar'],
  },
  {
    situation: 'who called in plaintext before it was in ambient does not any more',
    callers: [caller('front', 'ztunnel', 'unknown')],
    past: [],
  },
  {
    situation: 'a caller of several services is named once',
    callers: [
      caller('front', 'sidecar'),
      { ...caller('front', 'sidecar'), destinationService: 'store.shop.svc.cluster.local' },
    ],
    past: ['web/front, which has a sidecar'],
  },
]

for (const { situation, callers, except = [], past } of cases) {
  test(situation, () => assert.deepEqual(callersPast(callers, except), past))
}
