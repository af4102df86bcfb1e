import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { after, before, describe, test } from 'node:test'
import { rawClient } from '../support/raw-client.ts'
import { listenLocal } from '../support/sidecar-pair.ts'
import { MODES, openFiles, type Path, startPath, sumOf } from './path.ts'
import { digestOf, pattern } from './requests.ts'

/**
 * A protocol of its own: the server greets first, then does what the first line says. No line: it
 * echoes until the client has ended, and answers that with its count of bytes.
 */
function serve(socket: net.Socket): void {
  socket.on('error', () => {})
  socket.write('220 ready\r\n')
  let received = 0
  let first = true
  let echoes = true
  socket.on('data', (chunk: Buffer) => {
    const text = chunk.toString('latin1')
    if (first && text.startsWith('SWALLOW\n')) {
      echoes = false
      socket.removeAllListeners('data')
      const hash = createHash('sha256').update(chunk.subarray('SWALLOW\n'.length))
      socket.on('data', (part: Buffer) => hash.update(part))
      socket.on('end', () => socket.end(hash.digest('hex')))
      return
    }
    if (first && text.startsWith('QUIT\n')) {
      echoes = false
      socket.end('bye\r\n')
      return
    }
    first = false
    received += chunk.length
    if (!socket.write(chunk)) {
      socket.pause()
      socket.once('drain', () => socket.resume())
    }
  })
  socket.on('end', () => {
    if (echoes) socket.end(`got ${received}`)
  })
}

for (const mode of MODES) {
  describe(`raw TCP in ${mode} mode`, () => {
    const open = new Set<net.Socket>()
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      open.add(socket)
      socket.on('close', () => open.delete(socket))
      serve(socket)
    })
    let path: Path
    before(async () => {
      path = await startPath(mode, await listenLocal(server), 'tcp')
    })
    after(async () => {
      await path?.stop()
      server.close()
      for (const socket of open) socket.destroy()
    })

    test('a server may speak first', async () => {
      const client = await rawClient(path.address)
      assert.equal(await client.until(/\n/), '220 ready\r\n')
      client.socket.destroy()
    })

    test('a client that has ended its side still gets the answer', async () => {
      const client = await rawClient(path.address)
      await client.until(/ready\r\n/)
      client.clear()
      client.send('ping')
      await client.until(/ping/)
      client.socket.end()
      assert.equal(await client.closed(), 'pinggot 4')
    })

    test('a client that ends without a byte is heard', async () => {
      const client = await rawClient(path.address)
      client.socket.end()
      assert.equal(await client.closed(), '220 ready\r\ngot 0')
    })

    test('a server that ends its side lets the client finish', async () => {
      const client = net.connect({ ...path.address, allowHalfOpen: true })
      let received = ''
      client.on('data', (chunk) => {
        received += chunk
      })
      client.write('QUIT\n')
      await once(client, 'end')
      assert.equal(received, '220 ready\r\nbye\r\n')
      client.end('still here')
      await once(client, 'close')
    })

    test('64 MiB arrive in order and whole', async () => {
      const size = 64 << 20
      const client = net.connect({ ...path.address, allowHalfOpen: true })
      let answer = ''
      client.on('data', (chunk) => {
        answer += chunk
      })
      client.write('SWALLOW\n')
      for (const chunk of pattern(size)) if (!client.write(chunk)) await once(client, 'drain')
      client.end()
      await once(client, 'close')
      assert.equal(answer, `220 ready\r\n${digestOf(pattern(size))}`)
    })

    test('a reset by the client reaches the server, and the reverse', async () => {
      const client = await rawClient(path.address)
      await client.until(/ready/)
      const [serverSide] = [...open].slice(-1)
      assert.ok(serverSide)
      const closed = new Promise((resolve) => serverSide.once('close', resolve))
      client.socket.resetAndDestroy()
      await closed
      const other = await rawClient(path.address)
      await other.until(/ready/)
      for (const socket of open) socket.resetAndDestroy()
      await other.closed()
    })

    test('300 connections at once, then none', async () => {
      const before = openFiles(path)
      const clients = await Promise.all(
        Array.from({ length: 300 }, async (_, n) => {
          const client = await rawClient(path.address)
          await client.until(/ready/)
          client.send(`number ${n};`)
          await client.until(new RegExp(`number ${n};`))
          return client
        }),
      )
      assert.equal(open.size, 300)
      for (const { socket } of clients) socket.end()
      const texts = await Promise.all(clients.map((client) => client.closed()))
      texts.forEach((text, n) => {
        assert.match(text, new RegExp(`number ${n};got \\d+$`))
      })
      const settled = (): boolean =>
        openFiles(path).every((count, n) => count <= (before[n] ?? 0) + 20)
      for (let n = 0; n < 50 && !settled(); n++) {
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      assert.ok(settled(), `${before} open files became ${openFiles(path)}`)
    })

    if (mode !== 'baseline') {
      test('K35: both ends count the same connections and bytes', async () => {
        const opened = 'istio_tcp_connections_opened_total'
        const source = await sumOf(path, opened, { reporter: 'source' })
        const destination = await sumOf(path, opened, { reporter: 'destination' })
        assert.ok(source > 300, `${source} connections`)
        assert.equal(source, destination)
        const bytes = 'istio_tcp_received_bytes_total'
        assert.equal(
          await sumOf(path, bytes, { reporter: 'source' }),
          await sumOf(path, bytes, { reporter: 'destination' }),
        )
      })
    }
  })
}
