import type { GateReport } from '../../harness/result/gates.ts'
import { exitCodes } from '../exit-codes.ts'

export function gateExitCode({ verdict }: GateReport, allowNoBaseline = false): number {
  if (verdict === 'fail') return exitCodes.refused
  if (verdict === 'inconclusive') return exitCodes.untrustworthy
  if (verdict === 'baseline-missing') {
    return allowNoBaseline ? exitCodes.ok : exitCodes.baselineMissing
  }
  return exitCodes.ok
}
