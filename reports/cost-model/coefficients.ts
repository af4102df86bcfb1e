import type { RoleCost } from '../../harness/result/sweep.ts'

/** What one pass through one proxy costs, and one proxy that stands there. */
export interface ProxyCost {
  readonly idleCores: number
  readonly coresPerRps: number
  readonly bytes: number
}

export interface Coefficients {
  /** Said with every figure made from them. */
  readonly source: string
  readonly sidecar: ProxyCost
  readonly ztunnel: ProxyCost
  readonly waypoint: ProxyCost
}

const megabyte = 1e6

/**
 * https://istio.io/v1.24/docs/ops/deployment/performance-and-scalability/ : per proxy at 1,000
 * requests/s of 1 KB with mutual TLS and two workers. No idle cost is published, so none is counted.
 */
export const istio124: Coefficients = {
  source:
    'published by Istio for 1.24, per proxy at 1,000 requests/s of 1 KB, idle cost not published',
  sidecar: { idleCores: 0, coresPerRps: 0.2 / 1000, bytes: 60 * megabyte },
  ztunnel: { idleCores: 0, coresPerRps: 0.06 / 1000, bytes: 12 * megabyte },
  waypoint: { idleCores: 0, coresPerRps: 0.25 / 1000, bytes: 60 * megabyte },
}

/** From a fitted model; names the role that was not measured. */
export function measuredCoefficients(
  model: readonly RoleCost[],
  measuredBytesPerRequest: number,
  source: string,
): Coefficients | { readonly missing: string } {
  const cost = (role: RoleCost['role']): ProxyCost | undefined => {
    const found = model.find((each) => each.role === role)
    if (found?.usPerRequest === null || found === undefined) return undefined
    const payloadUs = ((found.usPerKib ?? 0) * measuredBytesPerRequest) / 1024
    return {
      idleCores: found.idleCores ?? 0,
      coresPerRps: (found.usPerRequest + payloadUs) / 1e6 / found.processesPerPath,
      bytes: found.pssBytesPerProcess ?? 0,
    }
  }
  const [sidecar, ztunnel, waypoint] = [cost('sidecar'), cost('ztunnel'), cost('waypoint')]
  if (sidecar === undefined) return { missing: 'sidecar' }
  if (ztunnel === undefined) return { missing: 'ambient' }
  if (waypoint === undefined) return { missing: 'waypoint' }
  return { source, sidecar, ztunnel, waypoint }
}
