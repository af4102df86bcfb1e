import type { KindRef, Selection, Store } from '../api/store.ts'
import type { KubeObject } from '../objects.ts'

/** A kept-current copy of one kind. The objects are shared: read them, never change them. */
export interface Informer<T extends KubeObject> {
  get(name: string, namespace?: string): T | undefined
  all(): T[]
  /** Called after the copy has changed. */
  onChange(listener: (object: T, deleted: boolean) => void): void
  stop(): void
}

export function createInformer<T extends KubeObject>(
  store: Store,
  kind: KindRef,
  selection: Selection = {},
): Informer<T> {
  const objects = new Map<string, T>()
  const listeners: ((object: T, deleted: boolean) => void)[] = []
  const watch = store.watch<T>(kind, selection, ({ type, object }) => {
    const key = keyOf(object.metadata.name, object.metadata.namespace)
    if (type === 'DELETED') objects.delete(key)
    else objects.set(key, object)
    for (const listener of listeners) listener(object, type === 'DELETED')
  })
  return {
    get: (name, namespace) => objects.get(keyOf(name, namespace)),
    all: () => [...objects.values()],
    onChange: (listener) => {
      listeners.push(listener)
    },
    stop: () => watch.stop(),
  }
}

function keyOf(name: string, namespace: string | undefined): string {
  return `${namespace ?? ''}/${name}`
}
