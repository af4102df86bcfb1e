import { kubernetesRelease } from '../release.ts'
import type { KindTable } from './kind-table.ts'
import { componentsOf } from './schema/components.ts'
import type { Schemas } from './schema/schemas.ts'

export const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'

const TITLE = 'Kubernetes'

/**
 * OpenAPI v2, which has no place for `fieldValidation` any more but is what `kubectl` still asks for
 * when a manifest is a List.
 */
export function openApiV2(kinds: KindTable, schemas: Schemas): object {
  const definitions: unknown = JSON.parse(
    JSON.stringify(componentsOf(kinds.all, schemas)).replaceAll(
      '#/components/schemas/',
      '#/definitions/',
    ),
  )
  return {
    swagger: '2.0',
    info: { title: TITLE, version: kubernetesRelease.version },
    paths: {},
    definitions,
  }
}

/**
 * The same for clients that want it as a gnostic `Document`, without definitions: fields of kinds that
 * it does not define are left to the server, which checks them anyway.
 * https://github.com/google/gnostic-models/blob/main/openapiv2/OpenAPIv2.proto
 */
export function openApiV2Protobuf(): Buffer {
  const info = Buffer.concat([text(1, TITLE), text(2, kubernetesRelease.version)])
  return Buffer.concat([text(1, '2.0'), field(2, info)])
}

function text(number: number, value: string): Buffer {
  return field(number, Buffer.from(value))
}

/** Length-delimited, and shorter than 128 bytes, so that its length is one byte. */
function field(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes])
}
