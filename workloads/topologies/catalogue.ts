import { chain } from './chain.ts'
import { echo } from './echo.ts'
import { fanout } from './fanout.ts'
import type { Topology } from './topology.ts'

export const topologies: readonly Topology[] = [echo, chain, fanout]
