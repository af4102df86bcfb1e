import { valueAt } from '../../cluster/api/json.ts'
import { meshAnnotations, meshLabels } from '../../cluster/mesh-labels.ts'
import { injectorValues } from '../inventory/mesh.ts'
import { NotReadable } from '../inventory/snapshot.ts'
import type { Check, CheckFinding, DryRun } from './check.ts'
import { blocker, counted, info, named, warning } from './finding.ts'
import { links } from './links.ts'
import { foreignManagers, gitOpsMarks } from './managers.ts'
import { kubectlLabel } from './patches.ts'
import {
  byWorkload,
  isManagedGateway,
  isOptedOut,
  labelsOfNamespace,
  podsIn,
  wasInjected,
} from './targets.ts'

const namespaceRef = (name: string) => ({ kind: 'Namespace', name })

const already: Check = {
  id: 'MB020',
  title: 'How far the namespaces are already',
  link: links.analysis('IST0123'),
  evaluate: ({ snapshot, intent }) =>
    intent.options.namespaces.flatMap((namespace) => {
      const labels = labelsOfNamespace(snapshot, namespace)
      if (labels[meshLabels.dataplaneMode] !== 'ambient') return []
      const resource = `Namespace ${namespace}`
      const injection = labels[meshLabels.injection]
      const injects =
        injection === undefined ? labels[meshLabels.revision] : injection === 'enabled'
      if (!injects) {
        const reason = 'It is labelled for ambient already; only what is missing is planned'
        return [info({ resource, namespace, reason, remedy: 'None needed' })]
      }
      return [
        warning({
          resource,
          namespace,
          reason:
            'It asks for ambient and for injection: new pods still get a sidecar, and the sidecar wins',
          remedy: kubectlLabel(
            namespaceRef(namespace),
            `${meshLabels.injection}-`,
            `${meshLabels.revision}-`,
          ),
        }),
      ]
    }),
}

const managers: Check = {
  id: 'MB021',
  title: 'Nobody else manages the labels to change',
  link: links.serverSideApply,
  evaluate: ({ snapshot, intent }) =>
    intent.options.namespaces.flatMap((namespace) => {
      const object = snapshot.items('namespace').find(({ metadata }) => metadata.name === namespace)
      if (object === undefined) return []
      const owners = [...foreignManagers(object), ...gitOpsMarks(object)]
      if (owners.length === 0) return []
      const patch = `metadata: {labels: {${meshLabels.dataplaneMode}: ambient}} and no ${meshLabels.injection}, ${meshLabels.revision}`
      return [
        warning({
          resource: `Namespace ${namespace}`,
          namespace,
          reason: `${named(owners)} will put its labels back`,
          remedy: `Change them where they come from, before or right after the flip: ${patch}`,
        }),
      ]
    }),
}

const dryRun: Check = {
  id: 'MB022',
  title: 'The API server would accept every call',
  link: links.dryRun,
  evaluate: ({ dryRuns }) => {
    if (dryRuns === undefined) {
      throw new NotReadable('no call was tried with dryRun=All: that needs the cluster')
    }
    const later = dryRuns.filter(({ after }) => after !== undefined)
    const [first] = later
    return [
      ...dryRuns.flatMap((one) => (one.refused === undefined ? [] : [refusal(one, one.refused)])),
      ...(first === undefined
        ? []
        : [
            info({
              resource: `Step ${first.step}`,
              reason: `${counted(later.length, 'call')} could not be tried beforehand: ${named(later.map(({ resource, step, after }) => `${step} on ${resource} needs what ${after} does`))}`,
              remedy: 'None needed: they are tried when their step comes',
            }),
          ]),
    ]
  },
}

function refusal({ step, resource, namespace, denied }: DryRun, why: string): CheckFinding {
  const about = { resource, ...(namespace && { namespace }) }
  if (denied) {
    return warning({
      ...about,
      reason: `Step ${step} could not be tried: ${why}`,
      remedy: 'Grant what MB001 names, to plan with certainty; apply needs it anyway',
    })
  }
  return blocker({
    ...about,
    reason: `Step ${step} would be refused: ${why}`,
    remedy: 'Correct what the message names, or have the admission policy allow it',
  })
}

const byDefault: Check = {
  id: 'MB023',
  title: 'Removing the label ends injection',
  link: links.injection,
  evaluate: ({ snapshot, intent }) => {
    const on = injectorValues(snapshot).filter(
      ({ config }) => valueAt(config, 'sidecarInjectorWebhook.enableNamespacesByDefault') === true,
    )
    if (on.length === 0) return []
    return intent.namespaces
      .filter(({ endInjection }) => endInjection === 'remove-labels')
      .map(({ namespace }) =>
        blocker({
          resource: `Namespace ${namespace}`,
          namespace,
          reason: `${on[0]?.resource} has enableNamespacesByDefault: without a label its pods are injected all the more`,
          remedy: kubectlLabel(
            namespaceRef(namespace),
            '--overwrite',
            `${meshLabels.injection}=disabled`,
          ),
        }),
      )
  },
}

const revisionLabel: Check = {
  id: 'MB024',
  title: 'A revision label does not keep injection on',
  link: links.issue(60313),
  evaluate: ({ snapshot, intent }) =>
    intent.namespaces.flatMap(({ namespace, state }) => {
      const labels = labelsOfNamespace(snapshot, namespace)
      const revision = labels[meshLabels.revision]
      if (revision === undefined || labels[meshLabels.injection] === 'disabled') return []
      const resource = `Namespace ${namespace}`
      // The flip removes it; without a flip nobody does.
      if (state !== 'ambient') {
        return [
          info({
            resource,
            namespace,
            reason: `Its label ${meshLabels.revision}=${revision} switches injection on, and goes with the flip`,
            remedy: `Put ${meshLabels.revision}=${revision} on the waypoint Gateway if it is to follow that revision`,
          }),
        ]
      }
      return [
        blocker({
          resource,
          namespace,
          reason: `Its label ${meshLabels.revision}=${revision} switches injection on: the next pods get a sidecar`,
          remedy: kubectlLabel(namespaceRef(namespace), `${meshLabels.injection}=disabled`),
        }),
      ]
    }),
}

const capturedAtOnce: Check = {
  id: 'MB025',
  title: 'Pods that the label captures at once',
  link: links.issue(48876),
  evaluate: ({ snapshot, intent }) =>
    intent.namespaces
      .filter(({ state }) => state !== 'ambient')
      .flatMap(({ namespace, state }) => {
        const plain = podsIn(snapshot, namespace).filter(
          (pod) =>
            !wasInjected(pod) &&
            !pod.spec.hostNetwork &&
            !isOptedOut(pod) &&
            !isManagedGateway(pod) &&
            pod.metadata.annotations?.[meshAnnotations.redirection] !== 'enabled',
        )
        const groups = byWorkload(plain)
        if (state === 'none' && plain.length > 0) {
          return [
            warning({
              resource: `Namespace ${namespace}`,
              namespace,
              reason: `All ${counted(plain.length, 'pod')} of ${counted(groups.size, 'workload')} join the mesh the moment it is labelled: open connections may be reset, and L4 policies and STRICT apply`,
              remedy: `Label what is to stay out ${meshLabels.dataplaneMode}=none first, or accept it`,
            }),
          ]
        }
        return [...groups].map(([resource, pods]) =>
          warning({
            resource,
            namespace,
            reason: `${counted(pods.length, 'pod')} without a sidecar ${pods.length === 1 ? 'joins' : 'join'} the mesh the moment the namespace is labelled: open connections may be reset, and L4 policies and STRICT apply`,
            remedy: `kubectl -n ${namespace} label pod ${pods.map(({ metadata }) => metadata.name).join(' ')} ${meshLabels.dataplaneMode}=none (and in the template), or accept it`,
          }),
        )
      }),
}

const drift: Check = {
  id: 'MB026',
  title: 'The cluster is as the plan saw it',
  link: links.migrate,
  evaluate: (context) => {
    if (context.drift === undefined) {
      throw new NotReadable(
        'there is no earlier plan to compare with: name one with --plan; apply always compares',
      )
    }
    return context.drift.map(({ resource, namespace, what }) =>
      blocker({
        resource,
        ...(namespace && { namespace }),
        reason: `It was ${what} since the plan was made`,
        remedy: 'Plan again: meshbench migrate plan',
      }),
    )
  },
}

export const namespaceChecks: readonly Check[] = [
  already,
  managers,
  dryRun,
  byDefault,
  revisionLabel,
  capturedAtOnce,
  drift,
]
