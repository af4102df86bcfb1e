import { MigrationError } from '../errors.ts'
import { NotReadable, type Snapshot } from '../inventory/snapshot.ts'
import { type Denial, deniedTo, rbacCommand } from '../preflight/access.ts'
import type { Plan } from '../result/plan.ts'

const check = 'MB001'

/**
 * Before anything is done: a call that is refused in the middle, or a proof that may not be read, would
 * leave a migration half done. What planning reads has been read by then.
 */
export function assertAccess(
  plan: Pick<Plan, 'options'>,
  snapshot: Pick<Snapshot, 'probes' | 'rootNamespace'>,
  accept: readonly string[],
): void {
  if ([...plan.options.accept, ...accept].includes(check)) return
  const denied = deniedBy(plan, snapshot).filter(({ needed }) => needed !== 'plan')
  const [first] = denied
  if (first === undefined) return
  const more = denied.length === 1 ? '' : ` (and ${denied.length - 1} more)`
  throw new MigrationError(`permissions are missing: ${check} ${first.reason}${more}`, {
    code: 'MIGRATION_FORBIDDEN',
    hint: `Nothing was changed. Have them granted: \`${rbacCommand(plan.options)}\` prints the roles. Or go on without, and perhaps stop halfway: --accept ${check}`,
    exitCode: 6,
  })
}

/** Where nobody says what is allowed, the dry run of every call has to do. */
function deniedBy(
  { options }: Pick<Plan, 'options'>,
  snapshot: Pick<Snapshot, 'probes' | 'rootNamespace'>,
): readonly Denial[] {
  try {
    return deniedTo(snapshot, options)
  } catch (error) {
    if (error instanceof NotReadable) return []
    throw error
  }
}
