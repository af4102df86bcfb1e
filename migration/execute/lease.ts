import { randomUUID } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import type { ClusterClient } from '../../cluster/client/types.ts'
import { ClusterError, isAlreadyExists, isConflict } from '../../cluster/errors.ts'
import type { KubeObject, ObjectRef } from '../../cluster/objects.ts'
import { MigrationError } from '../errors.ts'
import { migrationLabel } from './call.ts'
import { isPassing, type Patience, patiently } from './patience.ts'

export interface LeaseOptions {
  readonly client: ClusterClient
  readonly namespaces: readonly string[]
  readonly planId: string
  readonly holder: string
  readonly patience: Patience
  /** Go on where there is no namespace to hold it in. @default false */
  readonly absentIsFine?: boolean
  /** How long it outlives a holder that died. @default 30 s */
  readonly durationMs?: number
}

export interface HeldLease {
  /** Why it is no longer ours; absent while it is. */
  readonly lost: string | undefined
  /** Fires when it was lost. */
  readonly signal: AbortSignal
  /** Before every call: renewed first where that is overdue, as after trouble with the server. */
  ensure(): Promise<void>
  release(): Promise<void>
}

interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string
    leaseDurationSeconds?: number
    acquireTime?: string
    renewTime?: string
    leaseTransitions?: number
  }
}

const LEASE = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' }
/** Longer than an API server needs to restart, short enough to wait for after a crash elsewhere. */
const usualDurationMs = 30_000
const renewalsPerDuration = 3
const takeOverAttempts = 5
/** What is not given back within it expires. */
const givingBack: Patience = { deadlineMs: 3_000, firstMs: 50, mostMs: 500 }
/** Those of this process that still run: all others with its pid are from before it. */
const running = new Set<string>()

/** `meshbench jane@laptop pid:[4026531836] pid 4711 1f0c9a3e`: whoever meets the lease is told this. */
export function newHolder(): string {
  let user = 'unknown'
  try {
    user = userInfo().username
  } catch {
    // A container may run under an id that nobody has named.
  }
  return `meshbench ${user}@${thisPlace()} pid ${process.pid} ${randomUUID().slice(0, 8)}`
}

/**
 * One Lease for each namespace, so that two meshbench never migrate the same one. Taken by creating
 * it, or from a holder that let it expire by a compare-and-set on its resourceVersion; whoever loses
 * it that way finds out at the next renewal and stops.
 */
export async function takeLeases(options: LeaseOptions): Promise<HeldLease> {
  const { namespaces, client, holder } = options
  const durationMs = options.durationMs ?? usualDurationMs
  const held: string[] = []
  running.add(holder)
  const release = async (): Promise<void> => {
    running.delete(holder)
    await Promise.all(held.map((namespace) => giveBack(client, namespace, holder)))
  }
  try {
    for (const namespace of namespaces) {
      const taken = await patiently(() => take(options, namespace, durationMs), options.patience)
      if (taken) held.push(namespace)
    }
  } catch (error) {
    await release()
    throw error
  }
  const lostBy = new AbortController()
  let lost: string | undefined
  let renewedAtMs = performance.now()
  let renewing = Promise.resolve()
  const renew = async (): Promise<void> => {
    try {
      for (const namespace of held) await take(options, namespace, durationMs)
      renewedAtMs = performance.now()
    } catch (error) {
      // Troubles of the server are everybody's: whoever else wants it meets them too.
      if (isPassing(error)) throw error
      lost = error instanceof Error ? error.message : String(error)
      running.delete(holder)
      clearInterval(timer)
      lostBy.abort(new Error(lost))
    }
  }
  const timer = setInterval(() => {
    renewing = renewing.then(renew).catch(() => undefined)
  }, durationMs / renewalsPerDuration)
  timer.unref()
  return {
    get lost() {
      return lost
    },
    signal: lostBy.signal,
    ensure: async () => {
      const isOverdue = () => performance.now() - renewedAtMs > durationMs / 2
      if (lost !== undefined || !isOverdue()) return
      await renewing
      if (lost === undefined && isOverdue()) await patiently(renew, options.patience)
    },
    release: async () => {
      clearInterval(timer)
      await renewing
      if (lost === undefined) await release()
    },
  }
}

/** Creates, renews or takes it over; false where there is no namespace and that is fine. */
async function take(
  options: LeaseOptions,
  namespace: string,
  durationMs: number,
): Promise<boolean> {
  const { client, holder, planId } = options
  const ref = refIn(namespace)
  for (let attempt = 1; ; attempt += 1) {
    const current = await client.get<Lease>(ref)
    const now = new Date().toISOString().replace('Z', '000Z')
    const ours = current?.spec?.holderIdentity === holder
    const spec = {
      holderIdentity: holder,
      leaseDurationSeconds: Math.max(1, Math.ceil(durationMs / 1000)),
      acquireTime: (ours ? current?.spec?.acquireTime : undefined) ?? now,
      renewTime: now,
      leaseTransitions: (current?.spec?.leaseTransitions ?? 0) + (current && !ours ? 1 : 0),
    }
    try {
      if (current === undefined) {
        const labels = { 'app.kubernetes.io/managed-by': 'meshbench', [migrationLabel]: planId }
        const { name } = ref
        await client.create<Lease>({ ...LEASE, metadata: { name, namespace, labels }, spec })
        return true
      }
      if (!ours && !isFree(current)) throw heldByAnother(current, namespace)
      const { resourceVersion = '' } = current.metadata
      await client.patch(ref, 'json', [
        { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
        { op: 'add', path: '/spec', value: spec },
      ])
      return true
    } catch (error) {
      const overtaken =
        isAlreadyExists(error) ||
        isConflict(error) ||
        (error instanceof ClusterError && (error.status === 422 || error.status === 404))
      if (isMissingNamespace(error, namespace)) {
        if (options.absentIsFine) return false
        throw namespaceGone(namespace)
      }
      if (!overtaken || attempt === takeOverAttempts) throw error
    }
  }
}

function isFree({ spec = {} }: Lease): boolean {
  const { holderIdentity = '', renewTime = '', leaseDurationSeconds = 0 } = spec
  if (holderIdentity === '') return true
  const expiresAtMs = Date.parse(renewTime) + leaseDurationSeconds * 1000
  if (!(expiresAtMs > Date.now())) return true
  return hasDied(holderIdentity)
}

/** Known only of processes of this machine, and of this container where there is one. */
function hasDied(holder: string): boolean {
  const [, place, pid] = /@(.+) pid (\d+) /.exec(holder) ?? []
  if (place !== thisPlace() || pid === undefined) return false
  try {
    process.kill(Number(pid), 0)
    return Number(pid) === process.pid && !running.has(holder)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** Where a process id means one process: the host, and on Linux the namespace of its ids. */
function thisPlace(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}

function heldByAnother({ spec = {} }: Lease, namespace: string): MigrationError {
  const { holderIdentity, acquireTime, renewTime = '', leaseDurationSeconds = 0 } = spec
  const leftS = Math.ceil((Date.parse(renewTime) - Date.now()) / 1000) + leaseDurationSeconds
  return new MigrationError(
    `namespace ${namespace} is being migrated by another meshbench: ${holderIdentity}, since ${acquireTime}`,
    {
      code: 'MIGRATION_LOCKED',
      hint: `Wait until it has ended. If it has died, its lease can be taken over in ${Math.max(leftS, 1)} s: run this again then.`,
      exitCode: 6,
    },
  )
}

/** Kubernetes answers 404 for the namespace, or 403 while it is being deleted. */
function isMissingNamespace(error: unknown, namespace: string): boolean {
  if (!(error instanceof ClusterError)) return false
  const { status, details, message } = error
  if (status === 403) return message.includes('being terminated')
  return status === 404 && details?.kind === 'namespaces' && details.name === namespace
}

function namespaceGone(namespace: string): MigrationError {
  return new MigrationError(`namespace ${namespace} is not there, or is being deleted`, {
    code: 'MIGRATION_NAMESPACE_GONE',
    hint: 'Check its name and the context of the kubeconfig; plan anew if it was made anew.',
    exitCode: 5,
  })
}

/** Best effort: what cannot be given back expires. */
async function giveBack(client: ClusterClient, namespace: string, holder: string): Promise<void> {
  try {
    await patiently(async () => {
      const current = await client.get<Lease>(refIn(namespace))
      if (current?.spec?.holderIdentity !== holder) return
      const { uid = '', resourceVersion = '' } = current.metadata
      await client.delete(refIn(namespace), { uid, resourceVersion })
    }, givingBack)
  } catch {
    // Somebody else has it by now, or nobody can be reached.
  }
}

function refIn(namespace: string): ObjectRef {
  return { ...LEASE, name: `meshbench-migrate-${namespace}`, namespace }
}
