import { request } from 'node:http'
import { connect } from 'node:net'

const timeoutMs = 5_000

/**
 * Calls `http://cart.shop.svc:80/` or opens `tcp://store.shop.svc:7000`: the status, `open`, or `none:` and
 * why. Never rejects.
 */
export async function callTarget(target: string, env: NodeJS.ProcessEnv): Promise<string> {
  const url = new URL(target)
  const place = placeOf(url, env)
  try {
    return await (url.protocol === 'http:' ? get(url, place) : open(place))
  } catch (error) {
    return `none: ${error instanceof Error ? error.message : String(error)}`
  }
}

interface Place {
  readonly host: string
  readonly port: number
}

/** As Kubernetes tells a pod of the services of its own namespace, else the DNS name. */
function placeOf({ hostname, port }: URL, env: NodeJS.ProcessEnv): Place {
  const [service = ''] = hostname.split('.')
  const prefix = service.toUpperCase().replace(/[^A-Z0-9]/g, '_')
  const host = env[`${prefix}_SERVICE_HOST`]
  if (host === undefined) return { host: hostname, port: Number(port || 80) }
  return { host, port: Number(env[`${prefix}_SERVICE_PORT`]) }
}

function get(url: URL, place: Place): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { host: url.host, 'user-agent': 'meshbench-canary' }
    const outgoing = request({ ...place, path: url.pathname, agent: false, headers })
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error('no answer in 5 s')))
    outgoing.on('response', (response) => {
      response.on('error', reject)
      response.on('close', () => resolve(String(response.statusCode)))
      response.resume()
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

/** Whoever forwards the connection accepts it first and resets it when there is nobody behind. */
function open(place: Place): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(place)
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no connection in 5 s')))
    socket.on('connect', () => {
      setTimeout(() => {
        resolve('open')
        socket.end()
      }, 500)
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('it was closed at once')))
    socket.resume()
  })
}
