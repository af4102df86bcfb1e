import type { RequestHead } from '../http/head.ts'
import type { Route } from '../http/rules.ts'
import type { PolicyInput } from '../policy/rbac.ts'
import type { Admission, RequestGate } from '../policy/request-gate.ts'

/** Routes a request if the gate lets it in. Where there is none it costs nothing. */
export function gated(
  gate: RequestGate | undefined,
  request: RequestHead,
  connection: PolicyInput,
  router: (request: RequestHead) => Route,
): Route | Promise<Route> {
  if (gate === undefined) return router(request)
  const admission = gate.admit(request, connection)
  const proceed = (given: Admission): Route => {
    if ('reply' in given) return given
    const route = router(given.request)
    if ('reply' in route || given.request === request) return route
    return { ...route, request: route.request ?? given.request }
  }
  return admission instanceof Promise ? admission.then(proceed) : proceed(admission)
}
