import type { Socket } from 'node:net'
import type { CapturedListener } from '../config/process.ts'
import { errorMessage, ProxyError } from '../errors.ts'
import type { Accept, Live } from '../process/listeners.ts'
import { logDropped } from './access-log.ts'
import type { Connection } from './connections.ts'
import { deliver, type InboundContext, plainIp, reachApplication } from './deliver.ts'
import { MESH_PORTS } from './route.ts'

type InboundListener = Extract<CapturedListener, { kind: 'inbound' }>

/** ztunnel's port 15006: plaintext from outside the mesh, which no policy on identities ever allows. */
export function createPlaintextInbound(context: InboundContext, listener: InboundListener): Accept {
  return (client, live) => {
    client.on('error', () => {})
    void serve(context, listener, client, live)
  }
}

async function serve(
  context: InboundContext,
  { workloadUid, port }: InboundListener,
  client: Socket,
  live: Live,
): Promise<void> {
  const { mesh, connections } = context
  const sourceIp = plainIp(client.remoteAddress)
  const sourceAddress = `${sourceIp}:${client.remotePort}`
  let connection: Connection | undefined
  try {
    if (MESH_PORTS.has(port)) throw new ProxyError('SELF_CALL', `call to port ${port}`)
    const view = mesh.find(workloadUid) ?? (await mesh.resolve(workloadUid))
    const destinationIp = view.workload.workloadIps[0] ?? ''
    const input = { sourceIp, sourceIdentity: undefined, destinationIp, destinationPort: port }
    connection = connections.open({
      direction: 'inbound',
      sourceAddress,
      nextHop: { host: destinationIp, port },
      mutualTls: false,
      peers: {
        source: mesh.index.workloadByIp(sourceIp),
        sourceIdentity: undefined,
        destination: view.workload,
        destinationIdentity: undefined,
        service: undefined,
      },
    })
    const app = await reachApplication(context, view, input)
    live.cut = deliver(context, view, input, { client, app }, connection)
  } catch (error) {
    client.destroy()
    if (connection) connection.end(error)
    else {
      logDropped('inbound', { from: sourceAddress, to: `${port}`, error: errorMessage(error) })
    }
  }
}
