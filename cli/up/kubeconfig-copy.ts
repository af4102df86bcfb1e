import { constants, copyFileSync, existsSync, rmSync } from 'node:fs'
import { UsageError } from '../errors.ts'

/** Before anything starts: somebody's own kubeconfig is never overwritten. */
export function refuseExisting(path: string): void {
  if (!existsSync(path)) return
  throw new UsageError(
    `--kubeconfig ${path} exists already`,
    'name a new file; delete this one if it is left from a playground that was killed',
  )
}

/** Copies with its mode 0600; gives back how to remove the copy. */
export function copyKubeconfig(from: string, to: string): () => void {
  try {
    copyFileSync(from, to, constants.COPYFILE_EXCL)
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    throw new UsageError(
      `--kubeconfig ${to} cannot be written (${code})`,
      'name a file in a folder you may write to',
    )
  }
  return () => rmSync(to, { force: true })
}
