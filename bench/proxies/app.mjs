// The application behind every hop: as little HTTP as the load needs, so that its own CPU does not
// hide the proxies'. `/bulk` answers without end until the client leaves, everything else with 1 KiB.
import { createServer } from 'node:net'

const body = Buffer.alloc(1024, 'x')
const head = (length, close) =>
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n${close ? 'Connection: close\r\n' : ''}\r\n`
const kept = Buffer.concat([Buffer.from(head(body.length, false)), body])
const last = Buffer.concat([Buffer.from(head(body.length, true)), body])
const chunk = Buffer.alloc(256 * 1024, 'b')
const BULK_CHUNKS = 4 * 1024

function bulk(socket) {
  let left = BULK_CHUNKS
  socket.write(head(left * chunk.length, true))
  const write = () => {
    while (left > 0 && !socket.destroyed) {
      left -= 1
      if (!socket.write(chunk)) {
        socket.once('drain', write)
        return
      }
    }
    socket.end()
  }
  write()
}

function serve(socket) {
  let text = ''
  socket.on('error', () => {})
  socket.on('data', (data) => {
    text += data.latin1Slice()
    for (;;) {
      const end = text.indexOf('\r\n\r\n')
      if (end < 0) return
      const request = text.slice(0, end + 2)
      text = text.slice(end + 4)
      if (request.startsWith('GET /bulk')) bulk(socket)
      else if (/\r\nconnection: close\r\n/i.test(request)) socket.end(last)
      else socket.write(kept)
    }
  })
}

process.once('message', async ({ addresses }) => {
  for (const { host, port } of addresses) {
    const server = createServer({ noDelay: true }, serve)
    await new Promise((resolve) => server.listen({ host, port, backlog: 2048 }, resolve))
  }
  process.send('ready')
})
process.on('disconnect', () => process.exit(0))
