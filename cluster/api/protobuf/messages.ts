/**
 * The few messages that `kubectl create`, `drain` and `auth can-i` send as protobuf whatever the server
 * offers. Numbers from the generated.proto files of k8s.io/api; a field that is not here is refused,
 * never dropped.
 */
export type FieldType =
  | 'string'
  | 'int'
  /** Where Go writes a zero for what JSON leaves out. */
  | 'int-unless-zero'
  | 'bool'
  /** Travels as base64 in JSON. */
  | 'bytes'
  /** Known and of no meaning in a request, such as an empty creationTimestamp. */
  | 'ignored'
  /** util/intstr: a message that is a plain value in JSON. */
  | 'int-or-string'
  | { readonly map: 'string' | 'bytes' }
  | { readonly list: 'string' | Message }
  | { readonly message: Message }

export type Message = { readonly [number: number]: readonly [name: string, type: FieldType] }

const labels = { map: 'string' } as const

const OBJECT_META: Message = {
  1: ['name', 'string'],
  2: ['generateName', 'string'],
  3: ['namespace', 'string'],
  4: ['selfLink', 'ignored'],
  5: ['uid', 'ignored'],
  6: ['resourceVersion', 'string'],
  7: ['generation', 'ignored'],
  8: ['creationTimestamp', 'ignored'],
  11: ['labels', labels],
  12: ['annotations', labels],
}
const metadata = ['metadata', { message: OBJECT_META }] as const

const CONTAINER: Message = {
  1: ['name', 'string'],
  2: ['image', 'string'],
  3: ['command', { list: 'string' }],
  4: ['args', { list: 'string' }],
  5: ['workingDir', 'string'],
  6: [
    'ports',
    {
      list: {
        1: ['name', 'string'],
        2: ['hostPort', 'int'],
        3: ['containerPort', 'int'],
        4: ['protocol', 'string'],
        5: ['hostIP', 'string'],
      },
    },
  ],
  7: ['env', { list: { 1: ['name', 'string'], 2: ['value', 'string'] } }],
  8: ['resources', { message: {} }],
  13: ['terminationMessagePath', 'string'],
  14: ['imagePullPolicy', 'string'],
  16: ['stdin', 'bool'],
  17: ['stdinOnce', 'bool'],
  18: ['tty', 'bool'],
  20: ['terminationMessagePolicy', 'string'],
}

const POD_SPEC: Message = {
  2: ['containers', { list: CONTAINER }],
  3: ['restartPolicy', 'string'],
  6: ['dnsPolicy', 'string'],
  8: ['serviceAccountName', 'string'],
  9: ['serviceAccount', 'string'],
  10: ['nodeName', 'string'],
  11: ['hostNetwork', 'bool'],
  12: ['hostPID', 'bool'],
  13: ['hostIPC', 'bool'],
  16: ['hostname', 'string'],
  17: ['subdomain', 'string'],
  19: ['schedulerName', 'string'],
  24: ['priorityClassName', 'string'],
}

const LABEL_SELECTOR: Message = {
  1: ['matchLabels', labels],
  2: [
    'matchExpressions',
    {
      list: {
        1: ['key', 'string'],
        2: ['operator', 'string'],
        3: ['values', { list: 'string' }],
      },
    },
  ],
}
const selector = ['selector', { message: LABEL_SELECTOR }] as const
const template = [
  'template',
  { message: { 1: metadata, 2: ['spec', { message: POD_SPEC }] } },
] as const

const JOB_SPEC: Message = {
  1: ['parallelism', 'int'],
  2: ['completions', 'int'],
  3: ['activeDeadlineSeconds', 'int'],
  4: selector,
  5: ['manualSelector', 'bool'],
  6: template,
  7: ['backoffLimit', 'int'],
  8: ['ttlSecondsAfterFinished', 'int'],
  9: ['completionMode', 'string'],
  10: ['suspend', 'bool'],
}

const SERVICE_SPEC: Message = {
  1: [
    'ports',
    {
      list: {
        1: ['name', 'string'],
        2: ['protocol', 'string'],
        3: ['port', 'int'],
        4: ['targetPort', 'int-or-string'],
        5: ['nodePort', 'int-unless-zero'],
        6: ['appProtocol', 'string'],
      },
    },
  ],
  2: ['selector', labels],
  3: ['clusterIP', 'string'],
  4: ['type', 'string'],
  5: ['externalIPs', { list: 'string' }],
  7: ['sessionAffinity', 'string'],
  8: ['loadBalancerIP', 'string'],
  9: ['loadBalancerSourceRanges', { list: 'string' }],
  10: ['externalName', 'string'],
  11: ['externalTrafficPolicy', 'string'],
  12: ['healthCheckNodePort', 'int-unless-zero'],
  13: ['publishNotReadyAddresses', 'bool'],
  17: ['ipFamilyPolicy', 'string'],
  18: ['clusterIPs', { list: 'string' }],
  19: ['ipFamilies', { list: 'string' }],
  20: ['allocateLoadBalancerNodePorts', 'bool'],
  21: ['loadBalancerClass', 'string'],
  22: ['internalTrafficPolicy', 'string'],
  23: ['trafficDistribution', 'string'],
}

const BUDGET_SPEC: Message = {
  1: ['minAvailable', 'int-or-string'],
  2: selector,
  3: ['maxUnavailable', 'int-or-string'],
  4: ['unhealthyPodEvictionPolicy', 'string'],
}

const EVICTION: Message = {
  1: metadata,
  2: [
    'deleteOptions',
    {
      message: {
        1: ['gracePeriodSeconds', 'int'],
        2: [
          'preconditions',
          { message: { 1: ['uid', 'string'], 2: ['resourceVersion', 'string'] } },
        ],
        4: ['propagationPolicy', 'string'],
        5: ['dryRun', { list: 'string' }],
      },
    },
  ],
}

const DEPLOYMENT_SPEC: Message = {
  1: ['replicas', 'int'],
  2: selector,
  3: template,
  4: ['strategy', { message: { 1: ['type', 'string'] } }],
  5: ['minReadySeconds', 'int'],
  7: ['paused', 'bool'],
}

const ACCESS_REVIEW_SPEC: Message = {
  1: [
    'resourceAttributes',
    {
      message: {
        1: ['namespace', 'string'],
        2: ['verb', 'string'],
        3: ['group', 'string'],
        4: ['version', 'string'],
        5: ['resource', 'string'],
        6: ['subresource', 'string'],
        7: ['name', 'string'],
      },
    },
  ],
  2: ['nonResourceAttributes', { message: { 1: ['path', 'string'], 2: ['verb', 'string'] } }],
}

export const MESSAGES: Readonly<Record<string, Message>> = {
  'v1/Namespace': { 1: metadata, 2: ['spec', { message: {} }], 3: ['status', 'ignored'] },
  'v1/ServiceAccount': { 1: metadata },
  'v1/ConfigMap': { 1: metadata, 2: ['data', labels], 4: ['immutable', 'bool'] },
  'v1/Secret': {
    1: metadata,
    2: ['data', { map: 'bytes' }],
    3: ['type', 'string'],
    4: ['stringData', labels],
  },
  'apps/v1/Deployment': {
    1: metadata,
    2: ['spec', { message: DEPLOYMENT_SPEC }],
    3: ['status', 'ignored'],
  },
  'v1/Service': { 1: metadata, 2: ['spec', { message: SERVICE_SPEC }], 3: ['status', 'ignored'] },
  'batch/v1/Job': { 1: metadata, 2: ['spec', { message: JOB_SPEC }], 3: ['status', 'ignored'] },
  'policy/v1/PodDisruptionBudget': {
    1: metadata,
    2: ['spec', { message: BUDGET_SPEC }],
    3: ['status', 'ignored'],
  },
  'policy/v1/Eviction': EVICTION,
  'authentication.k8s.io/v1/TokenRequest': {
    1: metadata,
    2: [
      'spec',
      { message: { 1: ['audiences', { list: 'string' }], 4: ['expirationSeconds', 'int'] } },
    ],
    3: ['status', 'ignored'],
  },
  'authorization.k8s.io/v1/SelfSubjectRulesReview': {
    1: metadata,
    2: ['spec', { message: { 1: ['namespace', 'string'] } }],
    3: ['status', 'ignored'],
  },
  'authorization.k8s.io/v1/SelfSubjectAccessReview': {
    1: metadata,
    2: ['spec', { message: ACCESS_REVIEW_SPEC }],
    3: ['status', 'ignored'],
  },
}
