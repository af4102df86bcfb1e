import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type Agent, get, type IncomingMessage } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { resolve } from 'node:path'
import { after } from 'node:test'

export const serviceEntry = resolve(import.meta.dirname, '../../workloads/service/main.js')
const children: ChildProcess[] = []
after(() => {
  for (const child of children) child.kill('SIGKILL')
})

export interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: IncomingMessage['headers']
}

/** Starts a service on a free port; the port is found by letting the kernel choose one first. */
export async function startService(
  env: Record<string, string>,
): Promise<{ child: ChildProcess; port: number }> {
  const port = await freePort()
  const child = fork(serviceEntry, {
    env: { ...process.env, HOST: '127.0.0.1', PORT: String(port), ...env },
  })
  children.push(child)
  const [message] = await once(child, 'message')
  assert.deepEqual(message, { type: 'started' })
  return { child, port }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

export function ask(
  port: number,
  options: { path?: string; headers?: object; agent?: Agent } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, ...options } as object, (response) => {
      let body = ''
      response.setEncoding('latin1').on('data', (chunk: string) => (body += chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
      )
    }).on('error', reject)
  })
}

/** The environment in which a service is found. */
export function at(name: string, port: number): Record<string, string> {
  return { [`${name}_SERVICE_HOST`]: '127.0.0.1', [`${name}_SERVICE_PORT`]: String(port) }
}
