import { type Mode, modes } from '../../harness/modes.ts'
import type { Result } from '../../harness/result/schema.ts'
import { validWindows } from '../analyse.ts'
import { failedRequests } from '../metrics.ts'
import { ascii, formatNumber, type NumberStyle, plural, seconds } from './numbers.ts'

/** Modes of the run in the order of display. */
export function modesOf(result: Result): Mode[] {
  return modes.filter((mode) => result.modes[mode] !== undefined)
}

/** The pair a short document speaks about; base first. */
export function mainPair(result: Result): readonly [base: Mode, other: Mode] | null {
  const found = result.comparisons[0]
  return found === undefined ? null : [found.base, found.other]
}

/** What load was meant to run: `400 req/s open loop`. */
export function loadText({ options }: Result, style: NumberStyle = ascii): string {
  if (options.model === 'closed' || options.ratePerSecond === null) return 'closed loop, saturating'
  return `${formatNumber(options.ratePerSecond, 2, style)} req/s open loop`
}

/** Kept alive unless said otherwise. */
export function connectionsText({ connections, keepAlive }: Result['options']): string {
  return `${plural(connections, 'connection')}${keepAlive ? '' : ', new for each request'}`
}

export function settingText(result: Result): string[] {
  const { options } = result
  return [
    loadText(result),
    connectionsText(options),
    ...(options.sameNode === true ? ['load and workload on one node'] : []),
    plural(options.rounds, 'repeat'),
    `${seconds(options.warmupMs)} warm-up, ${seconds(options.durationMs)} measured`,
  ]
}

/** Requests that failed in all valid windows of a mode, with those that were made. */
export function failures(
  result: Result,
  mode: Mode,
): { readonly failed: number; readonly arrivals: number } {
  const windows = validWindows(result.modes[mode])
  return {
    failed: windows.reduce((sum, window) => sum + failedRequests(window), 0),
    arrivals: windows.reduce((sum, window) => sum + window.arrivals, 0),
  }
}

/** Why the figures must not be used as they stand; null for a complete, valid run. */
export function alarm(result: Result): string | null {
  const windows = modesOf(result).map((mode) => validWindows(result.modes[mode]).length)
  const counted = windows.length === 0 ? 0 : Math.min(...windows)
  if (result.status === 'failed') return 'The run failed before it was complete.'
  if (result.status === 'interrupted') {
    return `The run was interrupted: ${counted} of ${result.options.rounds} repeats are complete in every mode.`
  }
  if (result.validity.verdict === 'invalid') {
    return 'This measurement is not valid: its figures cannot be trusted.'
  }
  if (result.validity.verdict === 'inconclusive') {
    return 'This measurement is inconclusive: it does not support a conclusion either way.'
  }
  return null
}
