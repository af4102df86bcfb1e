import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeObject } from '../../cluster/api/protobuf/decode.ts'

/** One length-delimited field, as short as the tests need it. */
function field(number: number, content: Buffer | string): Buffer {
  const bytes = Buffer.from(content as string)
  assert.ok(number < 16 && bytes.length < 128)
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes])
}

const varint = (number: number, ...bytes: number[]) => Buffer.from([number * 8, ...bytes])
const join = (...parts: Buffer[]) => Buffer.concat(parts)

function envelope(apiVersion: string, kind: string, raw: Buffer): Buffer {
  const type = join(field(1, apiVersion), field(2, kind))
  const unknown = join(field(1, type), field(2, raw), field(3, ''), field(4, ''))
  return join(Buffer.from('k8s\0'), unknown)
}

test('what kubectl create sends is read as the JSON it stands for', () => {
  const labels = [field(11, join(field(1, 'a'), field(2, 'b'))), field(11, field(1, 'empty'))]
  const metadata = join(field(1, 'shop'), field(2, ''), field(8, ''), ...labels)
  const namespace = join(field(1, metadata), field(2, ''), field(3, field(1, '')))
  assert.deepEqual(decodeObject(envelope('v1', 'Namespace', namespace)), {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', labels: { a: 'b', empty: '' } },
    spec: {},
  })
})

test('numbers, lists and bytes keep their values', () => {
  const container = join(field(1, 'app'), field(4, 'one'), field(4, 'two'))
  const template = field(2, field(2, container))
  const spec = join(varint(1, 0xac, 0x02), field(3, template))
  const deployment = decodeObject(envelope('apps/v1', 'Deployment', field(2, spec)))
  assert.deepEqual(deployment.spec, {
    replicas: 300,
    template: { spec: { containers: [{ name: 'app', args: ['one', 'two'] }] } },
  })
  const data = field(2, join(field(1, 'key'), field(2, 'secret')))
  assert.deepEqual(decodeObject(envelope('v1', 'Secret', data)).data, { key: 'c2VjcmV0' })
})

test('a field or a kind that is not known is refused, never dropped', () => {
  const odd = envelope('v1', 'Namespace', field(9, 'x'))
  assert.throws(() => decodeObject(odd), { status: 415, message: /field 9 of v1\/Namespace/ })
  assert.throws(() => decodeObject(envelope('v1', 'Toaster', field(1, ''))), { status: 415 })
})

test('bytes that break off or mean nothing are a bad request', () => {
  const whole = envelope('v1', 'Namespace', field(1, field(1, 'shop')))
  for (let length = 0; length < whole.length; length += 1) {
    try {
      decodeObject(whole.subarray(0, length))
    } catch (error) {
      assert.ok([400, 415].includes((error as { status: number }).status))
    }
  }
  assert.throws(() => decodeObject(Buffer.from('k8s\0\xff\xff')), { status: 400 })
  assert.throws(() => decodeObject(Buffer.from('{"a":1}')), { status: 400 })
})
