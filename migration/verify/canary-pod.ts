import { canaryImage } from '../../cluster/images.ts'
import { kinds, type Pod, type Service } from '../../cluster/kinds.ts'
import { generatorAnnotation, meshLabels } from '../../cluster/mesh-labels.ts'
import type { Call } from '../result/plan.ts'

/** On pods of ours that call services of a namespace for a few seconds; its value says what they are. */
export const canaryLabel = 'meshbench.io/canary'
const migrationLabel = 'meshbench.io/migration'

export interface CanaryTarget {
  /** `cart` */
  readonly service: string
  /** `http://cart.shop.svc:80/` or `tcp://store.shop.svc:7000`. */
  readonly url: string
}

/** Its first TCP port: `undefined` when it has none. HTTP only where the port says that it is spoken. */
export function targetOf({ metadata, spec }: Service): CanaryTarget | undefined {
  const port = spec.ports?.find(({ protocol = 'TCP' }) => protocol === 'TCP')
  if (port === undefined) return undefined
  const { name = '', appProtocol = '' } = port as { name?: string; appProtocol?: string }
  const isHttp = appProtocol === 'http' || (appProtocol === '' && /^http(-|$)/.test(name))
  const place = `${metadata.name}.${metadata.namespace}.svc:${port.port}`
  return { service: metadata.name, url: isHttp ? `http://${place}/` : `tcp://${place}` }
}

/** Should everything of meshbench be lost, the kubelet ends it after that. */
const longestLifeSeconds = 600

/**
 * A pod that calls the targets once a second and writes what came of it to its log. It never has a
 * sidecar, is captured by ambient whatever its namespace says, and asks for nothing that a restricted
 * namespace forbids.
 */
export function canaryPod(facts: {
  readonly name: string
  readonly namespace: string
  readonly planId: string
  readonly image: string
  readonly targets: readonly CanaryTarget[]
}): Pod {
  const { name, namespace, planId, image, targets } = facts
  const program = image === canaryImage ? {} : { command: ['/bin/sh', '-c', script, 'canary'] }
  return {
    ...kinds.pod,
    metadata: {
      name,
      namespace,
      labels: {
        'app.kubernetes.io/managed-by': 'meshbench',
        'app.kubernetes.io/name': 'meshbench-canary',
        [canaryLabel]: 'true',
        [migrationLabel]: planId,
        [meshLabels.dataplaneMode]: 'ambient',
        [meshLabels.inject]: 'false',
      },
      annotations: { [generatorAnnotation]: 'canary' },
    },
    spec: {
      restartPolicy: 'Never',
      activeDeadlineSeconds: longestLifeSeconds,
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 65_532,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'canary',
          image,
          ...program,
          args: targets.map(({ url }) => url),
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          resources: {
            requests: { cpu: '10m', memory: '32Mi' },
            limits: { cpu: '200m', memory: '64Mi' },
          },
        },
      ],
    },
  }
}

export function canaryCall({ apiVersion, kind, metadata, ...body }: Pod): Call {
  const { name, namespace = '', ...others } = metadata
  return {
    verb: 'create',
    ref: { apiVersion, kind, name, namespace },
    body: { ...body, metadata: others },
  }
}

/** What workloads/canary does, for images of others: all they need is a shell and curl. */
const script = `command -v curl >/dev/null || { echo "this image has no curl"; exit 1; }
while :; do
  for target in "$@"; do
    case "$target" in
      http://*)
        result=$(curl -s -o /dev/null -m 5 -A meshbench-canary -w '%{http_code}' "$target")
        code=$?
        [ "$result" = 000 ] && result="none: curl ended with $code" ;;
      *)
        sleep 1 | curl -s -o /dev/null -m 2 "telnet://\${target#tcp://}"
        code=$?
        case $code in 0 | 28) result=open ;; *) result="none: curl ended with $code" ;; esac ;;
    esac
    echo "canary $target $result"
  done
  sleep 1
done`

/** The last word on each target, by its address: `200`, `open`, `none: ...`. */
export function canaryResults(log: string): ReadonlyMap<string, string> {
  const lines = log.split('\n').flatMap((line) => {
    const [, url, result] = /(?:^|\s)canary (\S+) (.+)$/.exec(line) ?? []
    return url === undefined || result === undefined ? [] : [[url, result] as const]
  })
  return new Map(lines)
}
