import { statusError } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { isObject } from './json.ts'
import { jsonPatch } from './patch/json-patch.ts'
import type { PatchFormat } from './patch/media-types.ts'
import { mergePatch } from './patch/merge-patch.ts'
import { strategicMerge } from './patch/strategic-merge.ts'

/** The stored object with a patch applied, not yet validated; `current` stays as it is. */
export function patchObject(
  current: Readonly<KubeObject>,
  format: Exclude<PatchFormat, 'apply'>,
  document: unknown,
): KubeObject {
  if (format !== 'json' && !isObject(document)) {
    throw statusError('BadRequest', 'the patch must be an object; a list is a JSON patch')
  }
  const result =
    format === 'json'
      ? jsonPatch(current, document)
      : format === 'merge'
        ? mergePatch(current, document)
        : strategicMerge(current, document)
  if (!isObject(result) || !isObject(result.metadata)) {
    throw statusError('BadRequest', 'the patch leaves nothing that is an object')
  }
  return result as KubeObject
}
