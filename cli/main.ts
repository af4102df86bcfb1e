#!/usr/bin/env node
import { main } from './program.ts'

// The one place that exits. Explicitly, because a handle somebody forgot must not keep a finished
// command alive; children end with the IPC channel of this process.
process.exit(await main(process.argv.slice(2)))
