import { defaultServicePort } from '../discovery.ts'
import type { Topology } from './topology.ts'

const port = defaultServicePort
const leaves = ['catalog', 'pricing', 'reviews', 'stock'] as const

export const fanout: Topology = {
  name: 'fanout',
  description: 'one service calling four at the same time: the slowest hop decides',
  entry: 'gateway',
  services: [
    {
      name: 'gateway',
      replicas: 1,
      port,
      script: [leaves.map((service) => ({ call: { service } }))],
      responseBytes: 1024,
    },
    ...leaves.map((name) => ({ name, replicas: 1, port, script: [], responseBytes: 1024 })),
  ],
}
