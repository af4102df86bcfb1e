import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { startEmbeddedCluster } from '../../cluster/embedded/index.ts'
import type { EmbeddedCluster } from '../../cluster/embedded/types.ts'
import { socketApp } from '../fixtures/running-core.ts'

export interface Outcome {
  readonly code: number
  readonly out: string
  readonly errors: string
}

export interface KubectlCluster {
  /** Why the tests cannot run here, or false. */
  readonly skip: false | string
  /** Where kubectl runs: its home, with files of the test. */
  directory(): string
  environment(): NodeJS.ProcessEnv
  tryKubectl(...args: readonly string[]): Promise<Outcome>
  /** What it printed; a failure of kubectl fails the test. */
  kubectl(...args: readonly string[]): Promise<string>
}

/**
 * An embedded cluster for the tests of a file, and the kubectl of this machine as it is. `setUp` runs
 * before the first test.
 */
export function kubectlCluster(
  setUp: (cluster: KubectlCluster) => Promise<void> = async () => undefined,
): KubectlCluster {
  const skip = hasKubectl() ? false : 'this machine has no kubectl'
  let directory = ''
  let cluster: EmbeddedCluster | undefined
  before(async () => {
    if (skip) return
    directory = await mkdtemp(join(tmpdir(), 'meshbench-kubectl-'))
    cluster = await startEmbeddedCluster({ directory, images: socketApp })
    await setUp(all)
  })
  after(async () => {
    await cluster?.stop()
    if (directory !== '') await rm(directory, { recursive: true })
  })

  const environment = (): NodeJS.ProcessEnv => ({
    PATH: process.env.PATH,
    HOME: directory,
    KUBECONFIG: cluster?.kubeconfigPath,
  })
  const tryKubectl = (...args: readonly string[]): Promise<Outcome> =>
    new Promise((resolve) => {
      const options = { env: environment(), cwd: directory, timeout: 60_000 }
      execFile('kubectl', args, options, (error, out, errors) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, out, errors })
      })
    })
  const all: KubectlCluster = {
    skip,
    directory: () => directory,
    environment,
    tryKubectl,
    kubectl: async (...args) => {
      const { code, out, errors } = await tryKubectl(...args)
      assert.equal(code, 0, `kubectl ${args.join(' ')}: ${errors}${out}`)
      return out
    },
  }
  return all
}

function hasKubectl(): boolean {
  try {
    execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
