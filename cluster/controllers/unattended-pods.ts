import type { Controller, ControllerContext } from './context.ts'
import { createLoop, triggerOn } from './loop.ts'
import { refOf } from './ownership.ts'

/** Drops pods whose node is gone: no agent is left that would end them. */
export function startUnattendedPodCollector(context: ControllerContext): Controller {
  const { store, view, onError } = context
  const loop = createLoop(
    () => {
      for (const pod of view.pods.all()) {
        const { nodeName } = pod.spec
        if (nodeName === undefined || view.nodes.get(nodeName)) continue
        store.delete(refOf(pod), { gracePeriodSeconds: 0 })
      }
    },
    { onError },
  )
  return triggerOn(loop, [view.pods, view.nodes])
}
