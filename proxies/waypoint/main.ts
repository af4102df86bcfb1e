import { runProxy } from '../process/run.ts'
import { createWaypoint } from './waypoint.ts'

runProxy(process, createWaypoint())
