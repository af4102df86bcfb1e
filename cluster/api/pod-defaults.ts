import { isObject, type JsonObject, members } from './json.ts'

export function podSpecDefaults(spec: JsonObject): void {
  spec.restartPolicy ??= 'Always'
  spec.dnsPolicy ??= 'ClusterFirst'
  spec.schedulerName ??= 'default-scheduler'
  spec.terminationGracePeriodSeconds ??= 30
  spec.securityContext ??= {}
  // Two names of one field: the older one is still written for clients that read it.
  spec.serviceAccountName ||= spec.serviceAccount
  if (spec.serviceAccountName) spec.serviceAccount = spec.serviceAccountName
  else delete spec.serviceAccountName
  for (const volume of members(spec.volumes)) volumeDefaults(volume)
  for (const container of containersOf(spec)) {
    container.imagePullPolicy ??= isMoving(container.image) ? 'Always' : 'IfNotPresent'
    container.terminationMessagePath ??= '/dev/termination-log'
    container.terminationMessagePolicy ??= 'File'
    container.resources ??= {}
    for (const port of members(container.ports)) port.protocol ??= 'TCP'
    for (const { valueFrom } of members(container.env)) {
      if (isObject(valueFrom) && isObject(valueFrom.fieldRef)) {
        valueFrom.fieldRef.apiVersion ??= 'v1'
      }
    }
    for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
      if (isObject(container[name])) probeDefaults(container[name])
    }
  }
}

export function containersOf(spec: JsonObject): JsonObject[] {
  return [...members(spec.containers), ...members(spec.initContainers)]
}

/** Whether the name may mean another image tomorrow: no tag counts as `latest`, a digest as a tag. */
function isMoving(image: unknown): boolean {
  const name = String(image ?? '')
  const [, tag] = /:([^:/@]+)(?:@|$)/.exec(name.slice(name.lastIndexOf('/') + 1)) ?? []
  return tag === undefined ? !name.includes('@') : tag === 'latest'
}

function volumeDefaults(volume: JsonObject): void {
  for (const source of ['secret', 'configMap', 'projected', 'downwardAPI']) {
    if (isObject(volume[source])) volume[source].defaultMode ??= 0o644
  }
  if (isObject(volume.hostPath)) volume.hostPath.type ??= ''
}

function probeDefaults(probe: JsonObject): void {
  probe.timeoutSeconds ??= 1
  probe.periodSeconds ??= 10
  probe.successThreshold ??= 1
  probe.failureThreshold ??= 3
  if (isObject(probe.httpGet)) {
    probe.httpGet.path ??= '/'
    probe.httpGet.scheme ??= 'HTTP'
  }
}
