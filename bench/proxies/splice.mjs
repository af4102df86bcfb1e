// The least a user-space proxy in node can do: bytes from one socket to another.
import { connect, createServer } from 'node:net'

process.once('message', ({ listen, to }) => {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connect({ ...to, allowHalfOpen: true, noDelay: true })
    for (const [from, into] of [
      [client, upstream],
      [upstream, client],
    ]) {
      from.on('data', (data) => {
        if (!into.write(data)) from.pause()
      })
      into.on('drain', () => from.resume())
      from.on('end', () => into.end())
      from.on('error', () => into.destroy())
    }
  })
  server.listen({ ...listen, backlog: 2048 }, () => process.send('ready'))
})
process.on('disconnect', () => process.exit(0))
