import type { StatusCause } from '../errors.ts'
import type { KubeObject } from '../objects.ts'
import { isObject } from './json.ts'

// The rules and wordings of k8s.io/apimachinery/pkg/util/validation, which clients match on.
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/
const SERVICE_LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/
const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/

const LABEL_HELP =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
const SERVICE_LABEL_HELP =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
const SUBDOMAIN_HELP =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const QUALIFIED_HELP =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const LABEL_VALUE_HELP =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

const ANNOTATIONS_MAX_BYTES = 256 * 1024

export type NameRule = 'label' | 'service-label' | 'subdomain'

export function nameProblem(name: string, rule: NameRule): string | undefined {
  const most = rule === 'subdomain' ? 253 : 63
  if (name.length > most) return `must be no more than ${most} characters`
  if (rule === 'label') return LABEL.test(name) ? undefined : LABEL_HELP
  if (rule === 'service-label') return SERVICE_LABEL.test(name) ? undefined : SERVICE_LABEL_HELP
  return SUBDOMAIN.test(name) ? undefined : SUBDOMAIN_HELP
}

export function labelKeyProblem(key: string): string | undefined {
  const slash = key.indexOf('/')
  const prefix = slash < 0 ? undefined : key.slice(0, slash)
  const name = key.slice(slash + 1)
  if (prefix === '') return 'prefix part must be non-empty'
  if (prefix !== undefined && nameProblem(prefix, 'subdomain') !== undefined) {
    return `prefix part ${SUBDOMAIN_HELP}`
  }
  if (name === '') return 'name part must be non-empty'
  if (name.length > 63) return 'name part must be no more than 63 characters'
  return QUALIFIED.test(name) ? undefined : QUALIFIED_HELP
}

export function labelValueProblem(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 characters'
  return LABEL_VALUE.test(value) ? undefined : LABEL_VALUE_HELP
}

/** Everything Kubernetes checks in `metadata` whatever the kind. */
export function metadataProblems({ metadata }: KubeObject, rule: NameRule): StatusCause[] {
  const causes: StatusCause[] = []
  const name = nameProblem(metadata.name, rule)
  if (name !== undefined) causes.push(invalid('metadata.name', metadata.name, name))
  causes.push(...mapProblems('metadata.labels', metadata.labels, labelValueProblem))
  causes.push(...mapProblems('metadata.annotations', metadata.annotations, () => undefined))
  const annotationBytes = Object.entries(metadata.annotations ?? {}).reduce(
    (sum, [key, value]) => sum + key.length + String(value).length,
    0,
  )
  if (annotationBytes > ANNOTATIONS_MAX_BYTES) {
    causes.push({
      reason: 'FieldValueTooLong',
      message: `Too long: may not be more than ${ANNOTATIONS_MAX_BYTES} bytes`,
      field: 'metadata.annotations',
    })
  }
  for (const finalizer of metadata.finalizers ?? []) {
    const problem = labelKeyProblem(finalizer)
    if (problem !== undefined) causes.push(invalid('metadata.finalizers', finalizer, problem))
  }
  return causes
}

export function invalid(field: string, value: unknown, problem: string): StatusCause {
  return {
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${JSON.stringify(value)}: ${problem}`,
    field,
  }
}

function mapProblems(
  field: string,
  map: unknown,
  valueProblem: (value: string) => string | undefined,
): StatusCause[] {
  if (map === undefined || map === null) return []
  if (!isObject(map)) return [invalid(field, map, 'must be a map of strings to strings')]
  return Object.entries(map).flatMap(([key, value]) => {
    const keyProblem = labelKeyProblem(field.endsWith('annotations') ? key.toLowerCase() : key)
    if (keyProblem !== undefined) return [invalid(field, key, keyProblem)]
    if (typeof value !== 'string') return [invalid(field, value, 'must be a string')]
    const problem = valueProblem(value)
    return problem === undefined ? [] : [invalid(field, value, problem)]
  })
}
