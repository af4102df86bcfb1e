/** Whether `version` (`1.30.3`) is at least `wanted`; a version that nobody knows counts as recent. */
export function isAtLeast(version: string | undefined, wanted: string): boolean {
  if (version === undefined) return true
  const [a, b] = [numbersOf(version), numbersOf(wanted)]
  for (const [at, part] of b.entries()) {
    const own = a[at] ?? 0
    if (own !== part) return own > part
  }
  return true
}

function numbersOf(version: string): readonly number[] {
  return version.split(/[.-]/).map(Number).filter(Number.isFinite)
}
