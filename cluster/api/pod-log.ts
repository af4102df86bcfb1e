import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { ClusterError, statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { isObject, members, valueAt } from './json.ts'
import type { PodBackend } from './pod-backend.ts'
import { isOn, numberOf } from './query.ts'

interface LogRequest {
  readonly pod: Readonly<KubeObject>
  readonly query: URLSearchParams
  readonly response: ServerResponse
  readonly backend: PodBackend
}

export async function streamLog(request: LogRequest): Promise<void> {
  const { pod, query, response, backend } = request
  const tailLines = numberOf(query, 'tailLines')
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  const log = backend.readLog({
    namespace: pod.metadata.namespace ?? '',
    name: pod.metadata.name,
    container: containerOf(pod, query.get('container')),
    follow: isOn(query, 'follow'),
    previous: isOn(query, 'previous'),
    ...(tailLines !== undefined && { tailLines }),
    signal: gone.signal,
  })
  const begin = (): void => {
    if (response.headersSent) return
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
    response.flushHeaders()
  }
  // A follower of a quiet container gets its head at once, everybody else an error as a Status.
  if (isOn(query, 'follow')) begin()
  try {
    for await (const chunk of log) {
      begin()
      if (!response.write(chunk) && !response.destroyed) {
        await Promise.race([once(response, 'drain'), once(response, 'close')])
      }
      if (response.destroyed) return
    }
    begin()
  } catch (error) {
    if (!response.headersSent) throw error
    if (!gone.signal.aborted && error instanceof ClusterError) response.write(`${error.message}\n`)
  }
  response.end()
}

function containerOf(pod: Readonly<KubeObject>, wanted: string | null): string {
  const spec = isObject(pod.spec) ? pod.spec : {}
  const names = [...members(spec.containers), ...members(spec.initContainers)].map(({ name }) =>
    String(name),
  )
  const { name } = pod.metadata
  if (wanted) {
    if (names.includes(wanted)) return wanted
    throw statusError('BadRequest', `container ${wanted} is not valid for pod ${name}`)
  }
  const byDefault = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container']
  const regular = members(valueAt(pod, 'spec.containers'))
  if (byDefault && names.includes(byDefault)) return byDefault
  if (regular.length === 1 && regular[0]) return String(regular[0].name)
  const message = `a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`
  throw statusError('BadRequest', message)
}
