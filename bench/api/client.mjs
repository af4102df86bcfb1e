import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:https'
import { fileURLToPath } from 'node:url'

/** An API server over these objects in a process of its own, and what a client needs of it. */
export async function startServer(estate) {
  const entry = fileURLToPath(new URL('serve.mjs', import.meta.url))
  const child = fork(entry, [JSON.stringify(estate)])
  const [{ port, token, caPem }] = await once(child, 'message')
  const agent = new Agent({ keepAlive: true })
  const open = (path) =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` }
      request({ host: '127.0.0.1', port, path, ca: caPem, headers, agent }, resolve)
        .once('error', reject)
        .end()
    })
  const get = async (path) => {
    const chunks = []
    for await (const chunk of await open(path)) chunks.push(chunk)
    return Buffer.concat(chunks)
  }
  const ask = async (message) => {
    child.send(message)
    const [answer] = await once(child, 'message')
    return answer
  }
  return {
    /** What a client needs to reach it. */
    address: { port, token, caPem },
    open,
    get,
    /** Resolves when pods have been changed so many times, one after the other. */
    change: (count) => ask({ ask: 'changes', count }),
    usage: async () => {
      const { rssBytes, cpu } = await ask({ ask: 'usage' })
      return { rssBytes, cpuMs: (cpu.user + cpu.system) / 1000 }
    },
    stop: async () => {
      agent.destroy()
      child.disconnect()
      await once(child, 'exit')
    },
  }
}

/** A whole list in pages; how long each took, and how many bytes they were together. */
export async function listInPages({ get }, path, limit) {
  const latenciesMs = []
  let bytes = 0
  let next = ''
  do {
    const begun = performance.now()
    const body = await get(`${path}?limit=${limit}${next && `&continue=${next}`}`)
    latenciesMs.push(performance.now() - begun)
    bytes += body.length
    // Only the end of the head is needed, not half a megabyte of objects.
    next = /"continue":"([^"]+)"/.exec(body.subarray(0, 400).toString())?.[1] ?? ''
  } while (next !== '')
  return { latenciesMs, bytes }
}
