import { sameJson } from '../json.ts'

/**
 * The order of a list after a strategic merge: what the patch names in the patch's order, what only
 * the server has in the server's, and new elements before those of the server (normalizeElementOrder
 * in k8s.io/apimachinery/pkg/util/strategicpatch).
 */
export function orderElements(
  merged: readonly unknown[],
  patchOrder: readonly unknown[],
  serverOrder: readonly unknown[],
  identity: (element: unknown) => unknown,
): unknown[] {
  const rankIn = (order: readonly unknown[]) => (element: unknown) =>
    order.findIndex((it) => sameJson(identity(it), identity(element)))
  const [inPatch, onServer] = [rankIn(patchOrder), rankIn(serverOrder)]
  const patched = merged.filter((it) => inPatch(it) >= 0)
  const others = merged.filter((it) => inPatch(it) < 0)
  patched.sort((a, b) => inPatch(a) - inPatch(b))
  others.sort((a, b) => onServer(a) - onServer(b))
  const result: unknown[] = []
  for (const element of patched) {
    const rank = onServer(element)
    while (rank >= 0 && others.length > 0 && onServer(others[0]) < rank) result.push(others.shift())
    result.push(element)
  }
  return [...result, ...others]
}
