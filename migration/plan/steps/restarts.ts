import type { Pod, PodTemplate, StatefulSet } from '../../../cluster/kinds.ts'
import { meshLabels } from '../../../cluster/mesh-labels.ts'
import type { KubeObject } from '../../../cluster/objects.ts'
import { itemsIn } from '../../inventory/by-namespace.ts'
import { hboneSetting } from '../../inventory/sidecar-hbone.ts'
import type { Call, Step } from '../../result/plan.ts'
import { readable } from '../mesh.ts'
import { hasEnded, hasSidecar, workloadOf } from '../pods.ts'
import { strictness } from '../strictness.ts'
import { probing, type StepContext, step, waits } from './context.ts'
import { pointer } from './labels.ts'

interface Workload extends KubeObject {
  spec?: { readonly template?: PodTemplate; readonly updateStrategy?: { readonly type?: string } }
}

const restartedAt = 'kubectl.kubernetes.io/restartedAt'

/**
 * S3, only with --restart-workloads: sidecars injected before the mesh served ambient take no HBONE, and
 * ambient clients would come to them in plaintext. Only where all of them come back with it: a restart that
 * changes nothing is none to plan (MB031 tells why).
 */
export function enableHbone(context: StepContext): readonly Step[] {
  const { snapshot, target, intent } = context
  // Live takeover does without.
  if (!intent.options.restartWorkloads || intent.liveTakeover) return []
  const { namespace } = target
  if (strictness(snapshot, namespace, intent.rootNamespace) === 'none') return []
  const old = restartable(context, (pod) => pod.metadata.labels?.[meshLabels.tunnel] === undefined)
  if (old.length === 0 || snapshot.source.from === 'files') return []
  const comeBackWithIt = old.every(
    ({ workload }) =>
      hboneSetting(snapshot, workload.spec?.template?.metadata?.annotations) === 'on',
  )
  if (!comeBackWithIt) return []
  return [
    step({
      id: `S3/${namespace}`,
      phase: 'S3',
      title: `Restart ${old.length} workloads of ${namespace} for sidecars that take HBONE`,
      namespace,
      why: 'Their sidecars were injected before the mesh served ambient; under STRICT they would refuse ambient clients.',
      calls: old.map(({ workload }) => restartCall(workload, `${context.createdAt} for HBONE`)),
      verify: [
        ...old.map(({ workload }) => rolledOut(workload)),
        { check: 'sidecars-take-hbone', namespace, timeoutMs: waits.rollout },
      ],
      takenBack: 'nothing to take back: the pods are as before, with newer sidecars',
      restarts: old.flatMap(({ pods }) => pods),
    }),
  ]
}

/** S11, one workload after the other: the next only when this one serves again. */
export function convertWorkloads(context: StepContext): readonly Step[] {
  if (!context.intent.options.restartWorkloads) return []
  const { namespace } = context.target
  const before = enableHbone(context).flatMap(({ calls }) => calls)
  return restartable(context, () => true).map(({ workload, pods }) => {
    const first = before.some(
      ({ ref }) => ref.kind === workload.kind && ref.name === workload.metadata.name,
    )
    const { kind, metadata } = workload
    return step({
      id: `S11/${namespace}/${kind}/${metadata.name}`,
      phase: 'S11',
      title: `Restart ${kind} ${metadata.name}: its pods come back without a sidecar`,
      namespace,
      why: 'A pod that has a sidecar keeps it until it is recreated.',
      calls: [
        restartCall(
          first ? restarted(workload, `${context.createdAt} for HBONE`) : workload,
          context.createdAt,
        ),
      ],
      verify: [
        rolledOut(workload),
        { check: 'converted', namespace, ref: refOf(workload), timeoutMs: waits.capture },
        { check: 'ztunnel-serves', namespace, timeoutMs: waits.capture },
        ...probing(context, refOf(workload)),
      ],
      takenBack: 'once the former labels are back it is restarted again, to get its sidecars back',
      restarts: [...pods],
    })
  })
}

export interface Restartable {
  readonly workload: Workload
  readonly pods: readonly string[]
}

/** Workloads that bring new pods by themselves when their template changes, with sidecar pods. */
export function restartable(
  { snapshot, target }: StepContext,
  concerns: (pod: Pod) => boolean,
): readonly Restartable[] {
  const { namespace } = target
  const pods = readable(() => itemsIn<Pod>(snapshot, 'pod', namespace)).filter(
    (pod) => hasSidecar(pod) && !hasEnded(pod) && concerns(pod),
  )
  const kinds = ['deployment', 'statefulSet', 'daemonSet'] as const
  return kinds
    .flatMap((kind) => readable(() => itemsIn<Workload>(snapshot, kind, namespace)))
    .filter(
      ({ spec }) => (spec as StatefulSet['spec'] | undefined)?.updateStrategy?.type !== 'OnDelete',
    )
    .map((workload) => ({
      workload,
      pods: pods
        .filter((pod) => workloadOf(pod) === `${workload.kind}/${workload.metadata.name}`)
        .map(({ metadata }) => `${namespace}/${metadata.name}`)
        .sort(),
    }))
    .filter((one) => one.pods.length > 0)
    .sort((a, b) => keyOf(a.workload).localeCompare(keyOf(b.workload)))
}

function keyOf({ kind, metadata }: Workload): string {
  return `${kind}/${metadata.name}`
}

function rolledOut(workload: Workload): Step['verify'][number] {
  const { namespace } = workload.metadata
  return {
    check: 'rolled-out',
    ...(namespace === undefined ? {} : { namespace }),
    ref: refOf(workload),
    timeoutMs: waits.rollout,
  }
}

function refOf({ apiVersion, kind, metadata }: Workload): Call['ref'] {
  return { apiVersion, kind, name: metadata.name, namespace: metadata.namespace ?? 'default' }
}

/** As it is once S3 has restarted it. */
function restarted(workload: Workload, value: string): Workload {
  const { template } = workload.spec ?? {}
  if (template === undefined) return workload
  const annotations = { ...template.metadata?.annotations, [restartedAt]: value }
  return {
    ...workload,
    spec: {
      ...workload.spec,
      template: { ...template, metadata: { ...template.metadata, annotations } },
    },
  }
}

/** As `kubectl rollout restart` does it, but only on the template that the plan saw. */
function restartCall(workload: Workload, createdAt: string): Call {
  const path = '/spec/template/metadata'
  const metadata = workload.spec?.template?.metadata
  const ref = refOf(workload)
  if (metadata?.annotations === undefined) {
    const annotations = { [restartedAt]: createdAt }
    const change =
      metadata === undefined
        ? { op: 'add' as const, path, value: { annotations } }
        : { op: 'add' as const, path: `${path}/annotations`, value: annotations }
    const test = { op: 'test' as const, path: `${path}/labels`, value: metadata?.labels }
    return { verb: 'patch', ref, patch: metadata?.labels ? [test, change] : [change] }
  }
  return {
    verb: 'patch',
    ref,
    patch: [
      { op: 'test', path: `${path}/annotations`, value: metadata.annotations },
      { op: 'add', path: `${path}/annotations/${pointer(restartedAt)}`, value: createdAt },
    ],
  }
}
