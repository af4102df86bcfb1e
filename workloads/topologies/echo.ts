import { defaultServicePort } from '../discovery.ts'
import type { Topology } from './topology.ts'

export const echo: Topology = {
  name: 'echo',
  description: 'one service that answers at once: what one hop through the mesh costs',
  entry: 'echo',
  services: [
    { name: 'echo', replicas: 1, port: defaultServicePort, script: [], responseBytes: 1024 },
  ],
}
