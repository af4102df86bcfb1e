import { checks } from '../../migration/preflight/registry.ts'
import { UsageError } from '../errors.ts'

/** A code that no check has would accept nothing, and nobody would notice until the plan is blocked. */
export function acceptOf({ accept = [] }: { readonly accept?: readonly string[] }) {
  const known = checks.map(({ id }) => id)
  for (const one of accept) {
    const [code = ''] = one.split('=')
    if (known.includes(code)) continue
    const meant = known.find((id) => id === code.toUpperCase())
    throw new UsageError(
      `--accept: no check is called "${code}"`,
      `${meant === undefined ? '' : `did you mean ${meant}? `}the plan names the code of each finding, from ${known[0]} to ${known.at(-1)}`,
    )
  }
  return accept
}
