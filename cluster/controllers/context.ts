import type { Store } from '../api/store.ts'
import type { ClusterView } from './view.ts'

export interface ControllerContext {
  readonly store: Store
  readonly view: ClusterView
  readonly onError: (error: unknown) => void
}

export interface Controller {
  stop(): Promise<void>
}
