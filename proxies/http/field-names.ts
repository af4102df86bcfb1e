import { TOKEN } from './bytes.ts'

/**
 * Header fields the proxies act on. All others have id 0 and travel as they came. A field that a
 * `Connection` header names gets id `nominated` and is never forwarded.
 */
const NAMES = [
  'nominated by the connection header',
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'expect',
  'te',
  'trailer',
  'keep-alive',
  'proxy-connection',
  'server',
  'date',
  'content-type',
  'http2-settings',
  'grpc-status',
  'x-request-id',
  'x-forwarded-proto',
  'x-forwarded-client-cert',
  'x-envoy-attempt-count',
  'x-envoy-upstream-service-time',
  'x-envoy-peer-metadata',
  'x-envoy-peer-metadata-id',
] as const

export type FieldName = (typeof NAMES)[number]

export const FIELD_IDS = NAMES.length + 1

export function fieldId(name: FieldName): number {
  return NAMES.indexOf(name) + 1
}

export const NOMINATED = 1
export const HOST = fieldId('host')
export const CONNECTION = fieldId('connection')
export const CONTENT_LENGTH = fieldId('content-length')
export const TRANSFER_ENCODING = fieldId('transfer-encoding')
export const UPGRADE = fieldId('upgrade')
export const EXPECT = fieldId('expect')
export const TE = fieldId('te')
export const KEEP_ALIVE = fieldId('keep-alive')

/** One byte per field id: 1 = leave the field out when forwarding. */
export type DropSet = Uint8Array

/** Fields that end at this hop (RFC 9110 section 7.6.1); the engine writes its own framing anew. */
const HOP_BY_HOP: readonly FieldName[] = [
  'nominated by the connection header',
  'connection',
  'transfer-encoding',
  'upgrade',
  'te',
  'keep-alive',
  'proxy-connection',
  'http2-settings',
]

export function dropSet(...names: readonly FieldName[]): DropSet {
  const set = new Uint8Array(FIELD_IDS)
  for (const name of [...HOP_BY_HOP, ...names]) set[fieldId(name)] = 1
  return set
}

/**
 * Names are recognised while their bytes are scanned: the scanner folds each lower-case byte into a
 * hash and looks once into a table without collisions. The multiplier is the first that has none.
 */
const SLOTS = 512
const { multiplier, slots } = perfectHash()
export const HASH_MULTIPLIER = multiplier

export function recognise(hash: number, buffer: Uint8Array, start: number, end: number): number {
  const id = slots[hash & (SLOTS - 1)] ?? 0
  if (id === 0) return 0
  const name = NAMES[id - 1] as FieldName
  if (name.length !== end - start) return 0
  for (let i = 0; i < name.length; i++) {
    if (TOKEN[buffer[start + i] as number] !== name.charCodeAt(i)) return 0
  }
  return id
}

function perfectHash(): { multiplier: number; slots: Uint8Array } {
  for (let multiplier = 31; ; multiplier += 2) {
    const slots = new Uint8Array(SLOTS)
    const fits = NAMES.every((name, index) => {
      const slot = hashOf(name, multiplier) & (SLOTS - 1)
      if (slots[slot] !== 0) return false
      slots[slot] = index + 1
      return true
    })
    if (fits) return { multiplier, slots }
  }
}

function hashOf(name: string, multiplier: number): number {
  let hash = 0
  for (let i = 0; i < name.length; i++)
    hash = (Math.imul(hash, multiplier) + name.charCodeAt(i)) | 0
  return hash
}
