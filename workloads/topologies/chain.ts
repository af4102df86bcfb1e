import { defaultServicePort } from '../discovery.ts'
import type { Topology } from './topology.ts'

const port = defaultServicePort

export const chain: Topology = {
  name: 'chain',
  description: 'three tiers, each calling the next: hops add up, and so does what a mesh costs',
  entry: 'frontend',
  services: [
    {
      name: 'frontend',
      replicas: 1,
      port,
      script: [{ call: { service: 'backend' } }],
      responseBytes: 1024,
    },
    {
      name: 'backend',
      replicas: 1,
      port,
      script: [{ call: { service: 'store' } }],
      responseBytes: 1024,
    },
    { name: 'store', replicas: 1, port, script: [], responseBytes: 1024 },
  ],
}
