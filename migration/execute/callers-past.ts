import type { Caller } from '../inventory/snapshot.ts'

/**
 * Who, of those that have called a namespace, comes past its waypoint, in words. `except`: principals that may, and
 * `plaintext`. Pure.
 */
export function callersPast(
  callers: readonly Caller[],
  except: readonly string[],
): readonly string[] {
  const past = callers.filter(({ via, principal }) => {
    // Whoever is in ambient now comes in a tunnel, whatever it did before.
    if (principal === 'unknown') return via !== 'ztunnel' && !except.includes('plaintext')
    return via === 'sidecar' && !except.includes(principal)
  })
  const names = past.map(({ principal, workload, namespace }) =>
    principal === 'unknown'
      ? `${workload === 'unknown' ? 'somebody' : `${namespace}/${workload}`} in plaintext`
      : `${namespace}/${workload}, which has a sidecar`,
  )
  return [...new Set(names)]
}
