import { isObject, type JsonObject, members } from './json.ts'

export function podSpecDefaults(spec: JsonObject): void {
  spec.restartPolicy ??= 'Always'
  spec.dnsPolicy ??= 'ClusterFirst'
  spec.schedulerName ??= 'default-scheduler'
  spec.serviceAccountName ??= spec.serviceAccount ?? 'default'
  spec.terminationGracePeriodSeconds ??= 30
  spec.securityContext ??= {}
  for (const container of [...members(spec.containers), ...members(spec.initContainers)]) {
    container.imagePullPolicy ??= 'IfNotPresent'
    container.terminationMessagePath ??= '/dev/termination-log'
    container.terminationMessagePolicy ??= 'File'
    container.resources ??= {}
    for (const port of members(container.ports)) port.protocol ??= 'TCP'
    for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
      if (isObject(container[name])) probeDefaults(container[name])
    }
  }
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
