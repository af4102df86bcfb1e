import { isBefore, parseVersion } from '../inventory/versions.ts'

/** Whether `version` (`1.30.3`) is at least `wanted`; a version that nobody knows counts as recent. */
export function isAtLeast(version: string | undefined, wanted: string): boolean {
  const known = version === undefined ? undefined : parseVersion(version)
  return known === undefined || !isBefore(known, wanted)
}
