import { kinds } from '../kinds.ts'
import type { Controller, ControllerContext } from './context.ts'
import { createLoop, triggerOn } from './loop.ts'

/** Every namespace has the service account its pods get when they name none. */
export function startServiceAccountController(context: ControllerContext): Controller {
  const { store, view, onError } = context
  const loop = createLoop(
    () => {
      for (const { metadata } of view.namespaces.all()) {
        const ref = { ...kinds.serviceAccount, name: 'default', namespace: metadata.name }
        if (metadata.deletionTimestamp || store.get(ref)) continue
        store.create({
          ...kinds.serviceAccount,
          metadata: { name: 'default', namespace: metadata.name },
        })
      }
    },
    { onError },
  )
  return triggerOn(loop, [view.namespaces, view.serviceAccounts])
}
