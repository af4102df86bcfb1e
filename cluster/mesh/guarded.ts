/**
 * The API server takes mesh objects of any shape. One that is not shaped like its kind must not keep
 * the control plane from serving all others.
 */
export function guarded<T>(convert: () => T, otherwise: T): T {
  try {
    return convert()
  } catch (error) {
    if (error instanceof TypeError) return otherwise
    throw error
  }
}

export const MALFORMED = 'fields of the wrong type'
