import type { AddressPlan } from '../agent/address-plan.ts'
import { type Addresses, claimAddresses } from '../agent/addresses.ts'
import { NodeAgents, type NodeAgentsContext } from '../agent/agents.ts'
import { createStore, type MemoryStore } from '../api/memory-store.ts'
import { admission } from '../controllers/admission.ts'
import { type ClockReadings, describeJump, watchClock } from '../controllers/clock.ts'
import { createEventRecorder } from '../controllers/events.ts'
import { startControllers } from '../controllers/index.ts'
import { createView } from '../controllers/view.ts'
import { installMesh } from '../controllers/ztunnel.ts'
import type { ImageCatalogue } from '../images.ts'
import type { CertificateIssuer } from '../mesh/certificates.ts'
import { ControlPlane } from '../mesh/control-plane.ts'

export interface CoreOptions {
  readonly images: ImageCatalogue
  readonly logDirectory: string
  readonly issuer: CertificateIssuer
  readonly trustDomain: string
  /** @default 24 h */
  readonly certificateLifetimeMs?: number
  readonly addresses?: Addresses
  /** Container ports that are going to be used. */
  readonly ports?: readonly number[]
  readonly istioSemantics?: boolean
  readonly historyLength?: number
  /** @default this machine's */
  readonly clock?: ClockReadings
  readonly onNotice: (notice: string) => void
}

/** A whole cluster without its API server. */
export interface Core {
  readonly store: MemoryStore
  readonly plan: AddressPlan
  readonly agents: NodeAgents
  stop(): Promise<void>
}

const dayMs = 24 * 60 * 60 * 1000

export async function startCore(options: CoreOptions): Promise<Core> {
  const { images, logDirectory, issuer, trustDomain, onNotice } = options
  const plan = await claimAddresses({
    addresses: options.addresses,
    ports: options.ports,
    onNotice,
  })
  const onError = (error: unknown): void =>
    onNotice(`internal: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  const clusterIps = { next: plan.takeClusterIp }
  const store = createStore({
    admit: [admission(clusterIps)],
    onWatcherError: onError,
    ...(options.historyLength ? { historyLength: options.historyLength } : {}),
  })
  const view = createView(store)
  installMesh(store, !options.istioSemantics)
  const controllers = startControllers({ store, view, onError })
  const mesh = new ControlPlane({
    view,
    plan,
    issuer,
    trustDomain,
    certificateLifetimeMs: options.certificateLifetimeMs ?? dayMs,
    runners: () => agents.runners(),
    onKnowledge: () => agents.updateCapture(),
    onNotice,
    onError,
  })
  const context: NodeAgentsContext = {
    store,
    view,
    plan,
    images,
    logDirectory,
    istioSemantics: options.istioSemantics ?? false,
    mesh,
    onNotice,
    onError,
  }
  const agents = new NodeAgents(context)
  const record = createEventRecorder(store, 'node-agent')
  const clock = watchClock((jumpMs) => {
    mesh.renewCertificates()
    const message = `The clock went ${describeJump(jumpMs)}; certificates are issued anew`
    for (const node of view.nodes.all()) {
      record(node, { type: 'Warning', reason: 'ClockJumped', message })
    }
    onNotice(message)
  }, options.clock)

  const stop = async (): Promise<void> => {
    clock.stop()
    await Promise.all([controllers.stop(), mesh.stop()])
    await agents.stop()
    view.stop()
    await plan.close()
  }
  return { store, plan, agents, stop }
}
