import { meshLabels } from '../../../cluster/mesh-labels.ts'
import type { Step } from '../../result/plan.ts'
import type { NamespaceIntent } from '../intent.ts'
import { namespaceRef, probing, type StepContext, step, unchangedPods, waits } from './context.ts'
import { type LabelChanges, type Labels, patchLabels } from './labels.ts'

/**
 * S10, in ONE patch: with injection gone first, new pods would be in neither mesh; with ambient first, they
 * would still get sidecars.
 */
export function flipNamespace(context: StepContext, labels: Labels): readonly Step[] {
  const { target, intent } = context
  const { namespace } = target
  const ref = namespaceRef(namespace)
  const changes = flipChanges(target)
  const { call } = patchLabels(ref, labels, changes)
  if (call === undefined) return []
  return [
    step({
      id: `S10/${namespace}`,
      phase: 'S10',
      title: `Turn ${namespace} to ambient in one patch`,
      namespace,
      why: intent.liveTakeover
        ? 'Pods without a sidecar are captured, and running sidecars hand over to the ztunnel of their node; no pod is restarted.'
        : 'Pods without a sidecar are captured at once; pods with one keep it until something recreates them, and come back ambient.',
      calls: [call],
      verify: [
        { check: 'labels', ref, labels: changes, timeoutMs: waits.label },
        { check: 'no-injection', namespace, timeoutMs: waits.label },
        { check: 'pods-captured', namespace, timeoutMs: waits.capture },
        { check: 'ztunnel-serves', namespace, timeoutMs: waits.capture },
        { check: 'ztunnel-carries', namespace, timeoutMs: waits.capture },
        ...probing(context),
        unchangedPods(namespace),
      ],
      takenBack:
        'one patch with the former labels; pods that came up ambient meanwhile leave the mesh at once and get a sidecar only when they are recreated',
    }),
  ]
}

export function flipChanges({ endInjection }: Pick<NamespaceIntent, 'endInjection'>): LabelChanges {
  return {
    [meshLabels.injection]: endInjection === 'disable' ? 'disabled' : null,
    [meshLabels.revision]: null,
    [meshLabels.dataplaneMode]: 'ambient',
  }
}
