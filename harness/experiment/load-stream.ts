import type { ClusterClient } from '../../cluster/client/types.ts'
import { generatorPort } from '../deploy/names.ts'
import { HarnessError } from '../errors.ts'
import type { LoadEvent, LoadPlan, LoadResult } from '../load/protocol.ts'

export interface LoadTarget {
  readonly namespace: string
  readonly pod: string
}

/**
 * Has a generator pod carry out a plan. Events are handed on the moment they arrive: the counters of
 * a window have to be read then, not when the answer is complete.
 */
export async function runLoad(
  client: ClusterClient,
  target: LoadTarget,
  plan: LoadPlan,
  onEvent: (event: LoadEvent) => void,
  signal?: AbortSignal,
): Promise<LoadResult> {
  const answer = await client.podRequest({
    ...target,
    port: generatorPort,
    path: '/load',
    method: 'POST',
    body: JSON.stringify(plan),
    signal,
  })
  if (!answer.ok || answer.body === null) {
    throw failed(`the load generator answered ${answer.status}: ${(await answer.text()).trim()}`)
  }
  let result: LoadResult | undefined
  for await (const line of lines(answer.body)) {
    const event = parse(line)
    onEvent(event)
    if (event.event === 'error') throw failed(`${event.message} (${event.code})`)
    if (event.event === 'result') result = event.result
  }
  if (result === undefined) throw failed('the load generator went away before it had a result')
  return result
}

function parse(line: string): LoadEvent {
  try {
    return JSON.parse(line) as LoadEvent
  } catch {
    throw failed(`the load generator sent a broken line: ${line.slice(0, 80)}`)
  }
}

async function* lines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true })
    const parts = rest.split('\n')
    rest = parts.pop() ?? ''
    yield* parts.filter((part) => part !== '')
  }
  if (rest.trim() !== '') yield rest
}

function failed(message: string): HarnessError {
  return new HarnessError('load-failed', message, {
    hint: 'see the log of the load pod in the logs/ folder of the run',
    exitCode: 5,
  })
}
