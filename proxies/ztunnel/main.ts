import { runProxy } from '../process/run.ts'
import { createZtunnel } from './ztunnel.ts'

runProxy(process, createZtunnel())
