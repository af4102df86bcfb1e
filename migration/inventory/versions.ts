/** Of an Istio component. Pre-releases count as the release they lead to. */
export interface Version {
  readonly major: number
  readonly minor: number
  readonly patch: number
  /** As it was written: `1.30-alpha.3f2`. */
  readonly text: string
}

/**
 * From the tag of an image: `docker.io/istio/pilot:1.27.3-distroless`, `registry:5000/pilot:v1.30.1@sha256:...`.
 * Undefined for a digest alone, `latest`, or a tag of somebody's own.
 */
export function versionOfImage(image: string): Version | undefined {
  const [name = ''] = image.split('@')
  const tag = /:([^:/]+)$/.exec(name)?.[1]
  return tag === undefined ? undefined : parseVersion(tag)
}

export function parseVersion(text: string): Version | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?![\d.]*\d)/.exec(text)
  if (match === null) return undefined
  const [, major, minor, patch = '0'] = match
  return { major: Number(major), minor: Number(minor), patch: Number(patch), text }
}

/** Negative when `a` is older. */
export function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch
}

/** `isBefore(v, '1.24')` */
export function isBefore(version: Version, limit: string): boolean {
  const other = parseVersion(limit)
  return other !== undefined && compareVersions(version, other) < 0
}

/** Both ends included: `isWithin(v, '1.29.0', '1.29.6')`. */
export function isWithin(version: Version, first: string, last: string): boolean {
  const end = parseVersion(last)
  return !isBefore(version, first) && end !== undefined && compareVersions(version, end) <= 0
}
