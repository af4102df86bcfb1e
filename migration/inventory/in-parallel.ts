/** Runs all tasks, a few at a time; the first failure is thrown once those under way have ended. */
export async function inParallel<T, R>(
  tasks: readonly T[],
  width: number,
  run: (task: T) => Promise<R>,
  signal?: AbortSignal,
): Promise<R[]> {
  const results: R[] = new Array(tasks.length)
  let next = 0
  let failed = false
  const worker = async (): Promise<void> => {
    while (next < tasks.length && !failed) {
      signal?.throwIfAborted()
      const index = next
      next += 1
      try {
        results[index] = await run(tasks[index] as T)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const outcomes = await Promise.allSettled(
    Array.from({ length: Math.min(width, tasks.length) }, worker),
  )
  const broken = outcomes.find((outcome) => outcome.status === 'rejected')
  if (broken) throw broken.reason
  return results
}
