import assert from 'node:assert/strict'
import { request } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { applyPlan } from '../../migration/execute/apply.ts'
import { rollbackMigration } from '../../migration/rollback/rollback.ts'
import { eventually, getText } from '../fixtures/http-get.ts'
import { migrating } from '../fixtures/migrating.ts'
import { clientAndTarget, serviceOf } from '../fixtures/shop.ts'
import { SteadyLoad } from '../fixtures/steady-load.ts'

const policy = { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy' }

/** Sidecars that call ambient pods skip the waypoint, as in Istio (istio/istio#57729). */
const handsOver = (meanwhile: string): boolean => ['S10/shop', 'rollback'].includes(meanwhile)

/** 50 requests a second that the policy forbids. */
class ForbiddenLoad {
  readonly #timer: NodeJS.Timeout
  readonly #pending = new Set<Promise<void>>()
  /** Of requests that wait: all that has gone on since they were sent. */
  readonly #waiting = new Set<Set<string>>()
  /** By what went on meanwhile. */
  readonly #counts = new Map<string, { asked: number; admitted: number }>()
  #meanwhile = 'at rest'

  constructor(service: { readonly host: string; readonly port: number }) {
    this.#timer = setInterval(() => {
      const during = new Set([this.#meanwhile])
      this.#waiting.add(during)
      const sent = new Promise<void>((resolve) => {
        const outgoing = request({ ...service, method: 'POST', agent: false }, (answer) => {
          this.#book(during, answer.statusCode === 200)
          answer.resume().once('close', resolve)
        })
        outgoing.once('error', () => {
          this.#book(during, false)
          resolve()
        })
        outgoing.end()
      })
      this.#pending.add(sent)
    }, 20)
  }

  set meanwhile(meanwhile: string) {
    this.#meanwhile = meanwhile
    for (const during of this.#waiting) during.add(meanwhile)
  }

  async stop(): Promise<
    ReadonlyMap<string, { readonly asked: number; readonly admitted: number }>
  > {
    clearInterval(this.#timer)
    await Promise.all(this.#pending)
    return this.#counts
  }

  /** On a busy machine a request may wait through several steps: it counts where it may have been let in. */
  #book(during: Set<string>, admitted: boolean): void {
    this.#waiting.delete(during)
    const key = [...during].find(handsOver) ?? [...during][0] ?? ''
    const counts = this.#counts.get(key) ?? { asked: 0, admitted: 0 }
    this.#counts.set(key, counts)
    counts.asked += 1
    if (admitted) counts.admitted += 1
  }
}

test('an L7 policy goes over to a waypoint with its namespace, and comes back with it', async (t) => {
  const stage = await migrating(t)
  const { core, client } = stage
  const { client: caller, target } = await clientAndTarget(core)
  await core.untilReady('istio-system', 'ztunnel', 2)
  const service = await serviceOf(core, caller)
  await eventually(service.host, service.port)
  const allowed = {
    ...policy,
    metadata: { name: 'allow-get', namespace: 'shop' },
    spec: {
      selector: { matchLabels: { app: 'target' } },
      action: 'ALLOW',
      rules: [{ to: [{ operation: { methods: ['GET'] } }] }],
    },
  }
  core.store.create(allowed)
  await eventually(service.host, service.port)
  const plan = await stage.plan({ cleanUp: true, protectFromBypass: true })
  const ids = plan.steps.map(({ id }) => id)
  const load = new SteadyLoad(service)
  t.after(() => load.stop())
  await load.more(150)
  const forbidden = new ForbiddenLoad(service)
  t.after(() => forbidden.stop())
  const waits: string[] = []
  const done = await applyPlan(client, plan, {
    journalDirectory: stage.journals,
    readDrift: () => stage.drift(plan),
    verifyTimeoutScale: 0.2,
    // Whoever addresses a pod goes past the waypoint.
    accept: ['MB050', 'MB052'],
    onEvent: (event) => {
      if (event.event === 'step-started') forbidden.meanwhile = event.step.id
      if (event.event === 'step-verified') forbidden.meanwhile = 'at rest'
      if (event.event === 'waiting') waits.push(`${event.step.id} ${event.text}`)
    },
  })
  assert.equal(done.outcome, 'finished', `${ids}: ${done.reason}; ${waits.slice(-5).join('; ')}`)
  for (const { id, outcome, reason } of done.steps) {
    assert.equal(outcome, 'verified', `${id}: ${reason}`)
  }
  const left = core.store.get({ ...policy, name: 'allow-get', namespace: 'shop' })
  assert.equal(left, undefined, 'nobody enforced it any more')
  // Nobody in plaintext has called before: the step would have waited for that to end.
  const past = () => getText(target.status?.podIP ?? '', 8080, '/')
  await assert.rejects(past(), 'whoever comes past the waypoint is refused')
  await load.more(300)
  forbidden.meanwhile = 'rollback'
  const back = await rollbackMigration(client, join(stage.journals, plan.id))
  assert.equal(back.outcome, 'rolled-back', back.reason)
  forbidden.meanwhile = 'at rest'
  await past()
  const again = core.store.get({ ...policy, name: 'allow-get', namespace: 'shop' })
  assert.deepEqual(again?.spec, allowed.spec)
  await load.more(300)
  const counts = await forbidden.stop()
  t.diagnostic(JSON.stringify([...counts]))
  for (const [meanwhile, { asked, admitted }] of counts) {
    if (handsOver(meanwhile)) continue
    assert.equal(admitted, 0, `${admitted} of ${asked} forbidden requests admitted: ${meanwhile}`)
  }
  const { failures } = await load.stop()
  assert.deepEqual([...new Set(failures)], [], `${failures.length} failed; steps ${ids}`)
})
