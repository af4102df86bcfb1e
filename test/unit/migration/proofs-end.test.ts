import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PodRequest } from '../../../cluster/client/types.ts'
import { ClusterError } from '../../../cluster/errors.ts'
import { StepFailure } from '../../../migration/execute/refusal.ts'
import { untilProved } from '../../../migration/verify/context.ts'
import { podText } from '../../../migration/verify/pod-text.ts'

const request = { namespace: 'istio-system', pod: 'ztunnel-1', port: 15020, path: '/metrics' }
const context = (waits: string[], timeoutMs: number, signal?: AbortSignal) => ({
  timeoutMs,
  signal,
  onWaiting: (text: string) => void waits.push(text),
})

test('a look that never comes back fails the proof, some time after the deadline', async () => {
  const waits: string[] = []
  const never = () => new Promise<never>(() => undefined)
  await assert.rejects(untilProved(context(waits, 20), never, 30), (error: unknown) => {
    assert.ok(error instanceof StepFailure)
    assert.equal(error.kind, 'unproved')
    assert.equal(error.message, 'the cluster has left a question unanswered (after 0.02 s)')
    return true
  })
})

test('what is missing is told once, and found as soon as it is there', async () => {
  const waits: string[] = []
  const looks = ['no pod', 'no pod', 'one of two']
  const evidence = await untilProved(context(waits, 60_000), async () => {
    const missing = looks.shift()
    return missing === undefined ? { evidence: ['two of two'] } : { missing }
  })
  assert.deepEqual(evidence, ['two of two'])
  assert.deepEqual(waits, ['no pod', 'one of two'])
})

test('after Ctrl-C nothing is looked at again, but what was seen stands', async () => {
  const stop = new AbortController()
  const look = (seen: { evidence: string[] } | { missing: string }) => async () => {
    stop.abort(new Error('enough'))
    return seen
  }
  const proving = context([], 60_000, stop.signal)
  assert.deepEqual(await untilProved(proving, look({ evidence: ['proved'] })), ['proved'])
  await assert.rejects(untilProved(proving, look({ missing: 'a pod' })), /enough/)
})

/** Answers with its head and the beginning of a body, or with nothing at all. */
const pods = (body: string | undefined) => ({
  podRequest: ({ signal }: PodRequest): Promise<Response> => {
    const stream = new ReadableStream({
      start: (controller) => {
        signal?.addEventListener('abort', () => controller.error(signal.reason))
        if (body !== undefined) controller.enqueue(new TextEncoder().encode(body))
        if (body === 'broken') controller.error(new TypeError('terminated'))
      },
    })
    if (body !== undefined) return Promise.resolve(new Response(stream))
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason))
    })
  },
})

test('a proxy that says nothing, stops in the middle or breaks off is one that did not answer', async () => {
  const cases = [
    [undefined, /Port 15020 of pod istio-system\/ztunnel-1 did not answer: not within 0.02 s/],
    ['half a line', /did not answer: not within 0.02 s/],
    ['broken', /did not answer: terminated/],
  ] as const
  for (const [body, message] of cases) {
    await assert.rejects(podText(pods(body), request, undefined, 20), (error: unknown) => {
      assert.ok(error instanceof ClusterError, String(error))
      assert.match(error.message, message)
      return true
    })
  }
})

test('a signal ends the question with its own reason', async () => {
  const stop = new AbortController()
  const asked = podText(pods(undefined), request, stop.signal)
  stop.abort(new Error('enough'))
  await assert.rejects(asked, /enough/)
})
