import { drainDurationMs } from '../process/drain.ts'
import { runProxy } from '../process/run.ts'
import { createSidecar } from './sidecar.ts'

runProxy(process, createSidecar({ drainMs: drainDurationMs(process.env) }))
