import { runProxy } from '../process/run.ts'
import { createSidecar } from './sidecar.ts'

runProxy(process, createSidecar())
