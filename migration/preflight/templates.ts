import { meshLabels, sidecarContainer } from '../../cluster/mesh-labels.ts'
import type { Check } from './check.ts'
import { blocker, info, named } from './finding.ts'
import { links } from './links.ts'
import { kubectlLabel } from './patches.ts'
import { containersOf, type Workload, workloadsIn } from './targets.ts'

const injectedAnyway: Check = {
  id: 'MB032',
  title: 'Pod templates that ask for a sidecar themselves',
  link: links.injection,
  evaluate: ({ snapshot, intent }) =>
    intent.namespaces.flatMap(({ namespace, endInjection }) => {
      const disable = kubectlLabel(
        { kind: 'Namespace', name: namespace },
        '--overwrite',
        `${meshLabels.injection}=disabled`,
      )
      return workloadsIn(snapshot, namespace).flatMap((workload) => {
        const wish = wishOf(workload)
        const { resource } = workload
        if (isInjectedGateway(workload)) {
          if (endInjection === 'remove-labels') return []
          return [
            blocker(
              {
                resource,
                namespace,
                reason: `It is a gateway whose proxy is injected, and ${meshLabels.injection}=disabled ends that: its next pods would have none`,
                remedy:
                  'Move the gateway to a namespace of its own, or to a Gateway of the Gateway API',
              },
              true,
            ),
          ]
        }
        if (wish === undefined) return []
        if (endInjection === 'disable') {
          return [
            info({
              resource,
              namespace,
              reason: `Its template says ${wish}, which the planned ${meshLabels.injection}=disabled overrules`,
              remedy: 'Take it out of the template at the next occasion',
            }),
          ]
        }
        return [
          blocker({
            resource,
            namespace,
            reason: `Its template says ${wish}: its pods get a sidecar whatever the namespace says`,
            remedy: `Take it out of the template (rolls it out), or without a restart: ${disable}`,
          }),
        ]
      })
    }),
}

/** `sidecar.istio.io/inject=true` */
function wishOf({ labels, annotations }: Workload): string | undefined {
  const inject = labels[meshLabels.inject] ?? annotations[meshLabels.inject]
  if (inject === 'true') return `${meshLabels.inject}=true`
  if (inject === 'false') return undefined
  const revision = labels[meshLabels.revision]
  return revision === undefined ? undefined : `${meshLabels.revision}=${revision}`
}

/** Its container is a placeholder that the injector fills with a proxy. */
function isInjectedGateway({ annotations }: Workload): boolean {
  return annotations['inject.istio.io/templates']?.split(',').includes('gateway') ?? false
}

const byHand: Check = {
  id: 'MB033',
  title: 'Sidecars that are part of the template',
  link: links.injection,
  evaluate: ({ snapshot, intent }) =>
    intent.options.namespaces.flatMap((namespace) =>
      workloadsIn(snapshot, namespace)
        .filter((workload) => !isInjectedGateway(workload) && workload.kind !== 'Pod')
        .filter(({ template }) =>
          containersOf(template).some(({ name }) => name === sidecarContainer),
        )
        .map(({ resource }) =>
          blocker(
            {
              resource,
              namespace,
              reason: `Its template holds a container ${sidecarContainer}: labels do not remove that`,
              remedy:
                'Render it anew without istioctl kube-inject, or accept that it stays a sidecar',
            },
            true,
          ),
        ),
    ),
}

/** ztunnel's own in the network namespace of every captured pod. */
const TAKEN_PORTS = [15001, 15006, 15008, 15053, 15080]

const takenPorts: Check = {
  id: 'MB040',
  title: 'No application listens where ztunnel does',
  link: links.ztunnelPorts,
  evaluate: ({ snapshot, intent }) =>
    intent.options.namespaces.flatMap((namespace) =>
      workloadsIn(snapshot, namespace).flatMap(({ resource, template }) => {
        const taken = containersOf(template)
          .filter(({ name }) => name !== sidecarContainer)
          .flatMap(({ ports = [] }) => ports.map(({ containerPort }) => containerPort))
          .filter((port) => TAKEN_PORTS.includes(port))
        if (taken.length === 0) return []
        return [
          blocker(
            {
              resource,
              namespace,
              reason: `It declares port ${named(taken.map(String))}, which ztunnel listens on inside captured pods`,
              remedy: 'Let it listen elsewhere, or keep it out with istio.io/dataplane-mode=none',
            },
            true,
          ),
        ]
      }),
    ),
}

export const templateChecks: readonly Check[] = [injectedAnyway, byHand, takenPorts]
