import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge } from '../../../migration/rehearse/verdict.ts'
import { type Rehearsal, rehearsalSchema } from '../../../migration/result/rehearsal.ts'
import { rehearsalHtml } from '../../../reports/rehearsal/report.ts'
import { assertGolden } from '../../fixtures/golden.ts'
import { rehearsal } from '../../fixtures/rehearsal.ts'

test('the fixture is a rehearsal, and a field too few is not', () => {
  assert.deepEqual(rehearsalSchema.parse(rehearsal()), rehearsal())
  const { failedRequests: _, ...rest } = rehearsal()
  assert.equal(rehearsalSchema.safeParse(rest).success, false)
})

test('the report says everything in words and tables, loads nothing, and escapes what it shows', async () => {
  const page = await rehearsalHtml({ ...rehearsal(), namespace: '<shop>' })
  assert.match(page, /default-src &#39;none&#39;/)
  assert.doesNotMatch(page, /<shop>/)
  assert.doesNotMatch(page, /(?:src|href)="(?!#)/)
  assert.match(
    page,
    /&#60;shop&#62; migrates and comes back, but not cleanly: 3 of 9\u202f000 requests/,
  )
  const text = (await rehearsalHtml(rehearsal()))
    .replaceAll(/<(script|style|svg)[\s\S]*?<\/\1>/g, '')
    .replaceAll(/<[^>]+>/g, ' ')
    .replaceAll(/[ \t]+/g, ' ')
    .replaceAll(/\s*\n\s*/g, '\n')
  assertGolden('rehearsal.txt', text)
})

test('a verdict names the gravest thing first and every reason', () => {
  const clean: Rehearsal = { ...rehearsal(), failedRequests: 0 }
  assert.deepEqual(judge(clean, []), { verdict: 'clean', reasons: [] })
  assert.deepEqual(judge(rehearsal(), []), {
    verdict: 'lossy',
    reasons: ['3 requests failed'],
  })
  const unasked = judge({ ...clean, podsRestarted: 2 }, [])
  assert.deepEqual(unasked.reasons, ['2 pods restarted although nobody asked for it'])
  const asked = { ...clean.options, restartWorkloads: true }
  assert.equal(judge({ ...clean, podsRestarted: 2, options: asked }, []).verdict, 'clean')
  const doubtful = judge({ ...rehearsal(), baseline: { ...clean.baseline, failedRequests: 1 } }, [])
  assert.deepEqual(doubtful, {
    verdict: 'inconclusive',
    reasons: ['1 request failed before the first step', '3 requests failed'],
  })
  const execution = {
    ...clean.execution,
    outcome: 'failed',
    steps: [{ id: 'S10/shop', outcome: 'failed', durationMs: 1, evidence: [], reason: 'no' }],
  } as const
  assert.deepEqual(judge({ ...clean, execution } as never, ['odd']), {
    verdict: 'failed',
    reasons: ['S10/shop failed: no', 'odd'],
  })
  assert.deepEqual(judge({ ...rehearsal(), execution } as never, ['odd'], true), {
    verdict: 'interrupted',
    reasons: ['it was stopped by hand', 'until then 3 requests failed'],
  })
})
