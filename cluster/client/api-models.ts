/** One member of a JSON object of the Kubernetes API, in the words of the library's generated classes. */
export interface ApiMember {
  readonly name: string
  /** `string`, `V1PodSpec`, `Array<V1Container>`, `{ [key: string]: string; }`, ... */
  readonly type: string
  /** `int32`, `byte`, `date-time`, ... or empty. */
  readonly format: string
}

/** By class name, such as `V1PodSpec`. */
export type ApiModels = ReadonlyMap<string, readonly ApiMember[]>

let loaded: Promise<ApiModels> | undefined

/** The shapes of all built-in kinds. The library carries them for its own (de)serialising. */
export function loadApiModels(): Promise<ApiModels> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<ApiModels> {
  const library: Readonly<Record<string, unknown>> = await import('@kubernetes/client-node')
  const models = new Map<string, readonly ApiMember[]>()
  for (const [name, model] of Object.entries(library)) {
    if (!hasMembers(model)) continue
    const members = model.attributeTypeMap.map(({ baseName, type, format }) => ({
      name: baseName,
      type,
      format,
    }))
    models.set(name, members)
  }
  return models
}

function hasMembers(model: unknown): model is {
  readonly attributeTypeMap: readonly { baseName: string; type: string; format: string }[]
} {
  return typeof model === 'function' && 'attributeTypeMap' in model
}
