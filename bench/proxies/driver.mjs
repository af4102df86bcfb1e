// Stands in for wrk: a closed loop over keep-alive or fresh connections, in a process of its own.
import { connect } from 'node:net'

process.once('message', async ({ address, options }) => {
  const { connections, seconds, close = false, path = '/' } = options
  const request = `GET ${path} HTTP/1.1\r\nHost: bench\r\n${close ? 'Connection: close\r\n' : ''}\r\n`
  const result = { requests: 0, bytes: 0, errors: 0 }
  const latenciesUs = []
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1_000
  const sockets = new Set()

  const one = (done) => {
    const socket = connect({ ...address, noDelay: true })
    sockets.add(socket)
    let left = -1
    let sentAt = performance.now()
    const answered = () => {
      result.requests += 1
      latenciesUs.push((performance.now() - sentAt) * 1_000)
      left = -1
      if (close || performance.now() >= endsAt) return
      sentAt = performance.now()
      socket.write(request)
    }
    socket.on('connect', () => socket.write(request))
    socket.on('data', (data) => {
      result.bytes += data.length
      if (left < 0) {
        const text = data.latin1Slice(0, 4096)
        const headBytes = text.indexOf('\r\n\r\n') + 4
        left = Number(/content-length: (\d+)/i.exec(text)?.[1]) + headBytes
      }
      left -= data.length
      if (left === 0) answered()
    })
    socket.on('error', () => {
      result.errors += 1
    })
    socket.on('close', () => {
      sockets.delete(socket)
      if (performance.now() < endsAt) one(done)
      else done()
    })
  }
  const all = Array.from({ length: connections }, () => new Promise(one))
  setTimeout(() => {
    for (const socket of sockets) socket.destroy()
  }, seconds * 1_000)
  await Promise.all(all)
  latenciesUs.sort((a, b) => a - b)
  const at = (share) => Math.round(latenciesUs[Math.floor(latenciesUs.length * share)] ?? 0)
  const durationUs = (performance.now() - startedAt) * 1_000
  process.send({ ...result, durationUs, p50Us: at(0.5), p99Us: at(0.99) })
})
