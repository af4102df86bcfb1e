import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommandContext } from '../../../cli/context.ts'
import { showExecution } from '../../../cli/migrate/progress.ts'
import { report } from '../../../cli/migrate/show-execution.ts'
import type { ExecutionEvent } from '../../../migration/execute/events.ts'
import type { Execution } from '../../../migration/result/execution.ts'
import { step } from '../../support/migration-stage.ts'

const flip = { ...step('S10/shop', {}), title: 'Turn shop to ambient' }
const events: readonly ExecutionEvent[] = [
  { event: 'step-started', step: flip, number: 2, of: 3 },
  { event: 'call', step: flip, text: 'patch Namespace shop' },
  { event: 'waiting', step: flip, text: '2 of 2 pods are not captured yet' },
  { event: 'waiting', step: flip, text: '1 of 2 pods are not captured yet' },
  { event: 'step-verified', step: flip, evidence: ['2 pods are captured'], durationMs: 9 },
  { event: 'notice', text: 'the server was slow' },
]

function shown(isTTY: boolean): string {
  let text = ''
  const view = showExecution({ isTTY, columns: 30, write: (part) => (text += part) })
  for (const event of events) view.onEvent(event)
  view.end()
  return text
}

test('in a log file a step is told once, on a terminal what is waited for moves', () => {
  assert.equal(
    shown(false),
    `[2/3] S10/shop: Turn shop to ambient
    patch Namespace shop
    waiting: 2 of 2 pods are not captured yet
    proved: 2 pods are captured
    note: the server was slow
`,
  )
  const erase = '\r\x1b[2K'
  const live = shown(true)
  assert.ok(
    live.includes(`${erase}    waiting: 2 of 2 pods are ${erase}    waiting: 1 of 2 pods are `),
    live,
  )
  assert.ok(live.endsWith(`${erase}    note: the server was slow\n${erase}`))
})

const execution: Execution = {
  plan: 'shop-1',
  outcome: 'finished',
  journal: '.meshbench/migrations/shop-1',
  steps: [
    { id: 'S10/shop', outcome: 'verified', durationMs: 1, evidence: [] },
    { id: 'S14', outcome: 'not-reached', durationMs: 0, evidence: [] },
  ],
  pods: { before: 3, untouched: 1, converted: 1, others: [{ pod: 'shop/a', what: 'is gone' }] },
}

function told(of: Partial<Execution>, command: 'apply' | 'rollback' = 'apply', aborted = false) {
  const out: string[] = []
  const stop = new AbortController()
  if (aborted) stop.abort()
  const context = { json: false, out: (line: string) => out.push(line), signal: stop.signal }
  const staying = [{ namespace: 'shop', workload: 'Pod/debug', pods: 1 }]
  const whole = { ...execution, ...of }
  const code = report(whole, context as unknown as CommandContext, command, staying)
  return { code, out }
}

test('the report says what stands, who stayed, and what to do next', () => {
  assert.deepEqual(told({}), {
    code: 0,
    out: [
      'Finished: every step is carried out and proved.',
      'Steps: 1 of 2 stand proved',
      'Pods: 1 of 3 untouched (same UID, restart counts and start times), 1 restarted as asked for',
      '  not by us: shop/a is gone',
      'On sidecars until something recreates them: shop Pod/debug (1)',
      'Journal: .meshbench/migrations/shop-1',
      'To take it back: meshbench migrate rollback --journal .meshbench/migrations/shop-1',
    ],
  })
  const failed = told({ outcome: 'failed', reason: 'not captured (after 120 s)' })
  assert.equal(
    failed.out[0],
    'A step failed; nothing after it was done. not captured (after 120 s)',
  )
  assert.match(failed.out.join('\n'), /To go on: meshbench migrate apply --plan .*plan\.json/)
})

test('every outcome has its exit code', () => {
  const codes = (outcome: Execution['outcome']) => [
    told({ outcome }).code,
    told({ outcome }, 'rollback').code,
  ]
  assert.deepEqual(codes('finished'), [0, 0])
  assert.deepEqual(codes('paused'), [0, 0])
  assert.deepEqual(codes('failed'), [7, 7])
  assert.deepEqual(codes('rolled-back'), [7, 0])
  assert.deepEqual(codes('rollback-failed'), [7, 7])
  assert.deepEqual(codes('interrupted'), [5, 5])
  assert.equal(told({ outcome: 'interrupted' }, 'apply', true).code, 130)
})
