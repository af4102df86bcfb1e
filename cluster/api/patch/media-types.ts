export type PatchFormat = 'json' | 'merge' | 'strategic' | 'apply'

const FORMATS: Readonly<Record<string, PatchFormat>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
}

export function patchFormatOf(contentType: string): PatchFormat | undefined {
  return Object.hasOwn(FORMATS, contentType) ? FORMATS[contentType] : undefined
}

/** Strategic merge needs Go types, which custom resources do not have. */
export function acceptedPatchTypes(customResource: boolean): string[] {
  return Object.keys(FORMATS).filter((type) => !customResource || FORMATS[type] !== 'strategic')
}
