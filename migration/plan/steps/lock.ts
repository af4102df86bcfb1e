import type { Step } from '../../result/plan.ts'
import { step } from './context.ts'

/** Leases are written by whoever applies the plan, with its own name in them: they are no calls of the plan. */
export function lockSteps(namespaces: readonly string[]): {
  readonly first: Step
  readonly last: Step
} {
  const leases = namespaces.map((one) => `${one}/meshbench-migrate-${one}`).join(', ')
  return {
    first: step({
      id: 'S0',
      phase: 'S0',
      title: `Take the lease ${leases} and record pods and objects as they are`,
      why: 'One migration at a time; and what was there before can be brought back.',
      calls: [],
      verify: [],
      takenBack: 'the lease is given back',
    }),
    last: step({
      id: 'S14',
      phase: 'S14',
      title: `Give back the lease ${leases}`,
      why: 'The migration is finished; its journal stays.',
      calls: [],
      verify: [],
      takenBack: 'nothing to take back',
    }),
  }
}
