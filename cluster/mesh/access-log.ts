import type { AccessLogConfig } from '../../proxies/config/process.ts'
import type { ClusterView } from '../controllers/view.ts'
import type { Pod } from '../kinds.ts'
import { meshLabels, systemNamespace } from '../mesh-labels.ts'
import { guarded, MALFORMED } from './guarded.ts'
import { byAge, selects, type Telemetry, targetRefsOf } from './istio-objects.ts'
import { WAYPOINT_CLASS } from './l7-config.ts'
import { type MeshConfig, meshConfigOf, meshConfigRef } from './mesh-config.ts'
import { proxyKindOf } from './naming.ts'

/** Istio's built-in provider: text or JSON on standard output. */
const PROVIDER = 'envoy'
const OUTPUTS: Readonly<Record<string, AccessLogConfig['output']>> = {
  '/dev/stdout': 'stdout',
  '/dev/stderr': 'stderr',
}

/**
 * Whether this proxy logs requests (istio/istio pilot/pkg/networking/core/accesslog.go): by the nearest
 * Telemetry that says something about it, of the workload, its namespace or the mesh, else by the mesh
 * configuration. Undefined: it does not, as by default.
 */
export function accessLogConfig(pod: Pod, view: ClusterView): AccessLogConfig | undefined {
  if (proxyKindOf(pod) === 'ztunnel') return undefined
  const mesh = meshConfigOf(view.configMaps.get(meshConfigRef.name, meshConfigRef.namespace))
  const form = formOf(mesh)
  const entries = guarded(() => nearest(pod, view.telemetries.all()), [])
  if (entries.length === 0) {
    const output = OUTPUTS[String(mesh.accessLogFile)]
    return output && { output, ...form, outbound: true, inbound: true }
  }
  const on = { CLIENT: false, SERVER: false }
  for (const { match, providers, disabled } of entries) {
    const mode = match?.mode ?? 'CLIENT_AND_SERVER'
    const named = providers === undefined || providers.some(({ name }) => name === PROVIDER)
    for (const side of ['CLIENT', 'SERVER'] as const) {
      if (named && mode.includes(side)) on[side] = disabled !== true
    }
  }
  if (!on.CLIENT && !on.SERVER) return undefined
  return { output: 'stdout', ...form, outbound: on.CLIENT, inbound: on.SERVER }
}

/** For the object's status: what of it is not done as written. */
export function unsupportedTelemetry({ spec }: Telemetry): readonly string[] {
  return guarded(() => {
    const { accessLogging = [], metrics = [], tracing = [] } = spec ?? {}
    return [
      ...accessLogging.flatMap(({ filter }) => (filter ? ['accessLogging.filter'] : [])),
      ...accessLogging
        .flatMap(({ providers = [] }) => providers)
        .flatMap(({ name }) => (name === PROVIDER ? [] : [`access log provider ${name}`])),
      ...(metrics.length > 0 ? ['metrics'] : []),
      ...(tracing.length > 0 ? ['tracing'] : []),
    ]
  }, [MALFORMED])
}

function formOf({
  accessLogEncoding,
  accessLogFormat,
}: MeshConfig): Pick<AccessLogConfig, 'encoding' | 'format'> {
  const encoding = accessLogEncoding === 'JSON' ? 'JSON' : 'TEXT'
  const given = typeof accessLogFormat === 'string' && accessLogFormat !== ''
  return { encoding, ...(given ? { format: accessLogFormat } : {}) }
}

type Entries = NonNullable<NonNullable<Telemetry['spec']>['accessLogging']>

/** Of several objects for the same, the oldest counts. */
function nearest(pod: Pod, all: readonly Telemetry[]): Entries {
  const { namespace } = pod.metadata
  const saying = all.filter(({ spec }) => (spec?.accessLogging?.length ?? 0) > 0).sort(byAge)
  const isGeneral = ({ spec }: Telemetry): boolean =>
    spec?.selector === undefined && targetRefsOf(spec).length === 0
  const of = (home: string | undefined): Telemetry | undefined =>
    saying.find((one) => one.metadata.namespace === home && isGeneral(one))
  const own = saying.find((one) => !isGeneral(one) && isFor(one, pod))
  return (own ?? of(namespace) ?? of(systemNamespace))?.spec?.accessLogging ?? []
}

/** Selectors name pods with sidecars, targets name waypoints. */
function isFor({ metadata, spec }: Telemetry, pod: Pod): boolean {
  const { namespace, labels = {} } = pod.metadata
  const home = metadata.namespace
  if (proxyKindOf(pod) === 'sidecar') {
    return home === namespace && spec?.selector !== undefined && selects(spec, labels)
  }
  return targetRefsOf(spec).some(
    ({ kind, name }) =>
      (kind === 'Gateway' && home === namespace && name === labels[meshLabels.gatewayName]) ||
      (kind === 'GatewayClass' && home === systemNamespace && name === WAYPOINT_CLASS),
  )
}
