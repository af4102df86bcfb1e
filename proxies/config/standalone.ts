import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseDocument, type ScalarTag } from 'yaml'
import { z } from 'zod'
import { errorMessage, ProxyError } from '../errors.ts'
import type { MeshState, StringMatch } from './mesh-state.ts'
import type { CapturedListener, ProxyConfig, SocketAddress } from './process.ts'

/** A proxy without a node agent: where it listens is in the file. */
export interface StandaloneConfig {
  readonly config: ProxyConfig
  readonly listeners: readonly {
    readonly listener: CapturedListener
    readonly address: SocketAddress
  }[]
}

const address = z.string().transform((text, context): SocketAddress => {
  const match = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text)
  const port = Number(match?.[3])
  if (!match || port > 65_535) {
    context.addIssue({ code: 'custom', message: `${text} is not host:port` })
    return z.NEVER
  }
  return { host: match[1] ?? match[2] ?? '', port }
})

const listener = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('outbound'),
    workload: z.string(),
    listen: address,
    originalDestination: address,
  }),
  z.strictObject({
    kind: z.literal('inbound'),
    workload: z.string(),
    listen: address,
    port: z.int(),
  }),
  z.strictObject({ kind: z.literal('hbone'), workload: z.string(), listen: address }),
])

/** Istio ztunnel's own keys are taken as they are; everything under `process` is ours. */
const file = z.strictObject({
  workloads: z.array(z.looseObject({ workloadIps: z.array(z.string()) })).default([]),
  services: z.array(z.looseObject({ name: z.string(), hostname: z.string() })).default([]),
  policies: z.array(z.looseObject({ name: z.string(), rules: z.array(z.any()) })).default([]),
  process: z.strictObject({
    kind: z.enum(['sidecar', 'ztunnel', 'waypoint']),
    trustDomain: z.string().default('cluster.local'),
    node: z.string().default(''),
    pod: z.strictObject({ name: z.string(), namespace: z.string(), ip: z.string() }),
    local: z.array(
      z.strictObject({
        uid: z.string(),
        identity: z.string(),
        appPorts: z.record(z.string(), address).default({}),
        mtlsMode: z.enum(['PERMISSIVE', 'STRICT']).default('PERMISSIVE'),
      }),
    ),
    certificates: z.array(
      z.strictObject({
        identity: z.string(),
        certChain: z.string(),
        privateKey: z.string(),
        roots: z.string(),
      }),
    ),
    listeners: z.array(listener),
    admin: address.default({ host: '127.0.0.1', port: 15_000 }),
    stats: address.default({ host: '127.0.0.1', port: 15_020 }),
    readiness: address.default({ host: '127.0.0.1', port: 15_021 }),
  }),
})

/** Reads YAML or JSON; relative certificate paths are relative to the file. */
export async function loadStandalone(path: string): Promise<StandaloneConfig> {
  const parsed = file.safeParse(parseYaml(await readText(path), path))
  if (!parsed.success) {
    throw new ProxyError('CONFIG_INVALID', `${path}: ${z.prettifyError(parsed.error)}`)
  }
  const { process, ...state } = parsed.data
  const at = (relative: string): Promise<string> => readText(resolve(dirname(path), relative))
  const certificates = await Promise.all(
    process.certificates.map(async ({ identity, certChain, privateKey, roots }) => ({
      identity,
      certChainPem: await at(certChain),
      privateKeyPem: await at(privateKey),
      rootsPem: await at(roots),
      notBeforeMs: 0,
      notAfterMs: Number.MAX_SAFE_INTEGER,
    })),
  )
  const { admin, stats, readiness, listeners, ...identity } = process
  return {
    config: {
      ...identity,
      version: 1,
      // Checked above as far as the proxies rely on it; the rest is Istio's documented shape.
      state: withDefaults(state as unknown as MeshState),
      certificates,
      admin: { admin, stats, readiness },
    },
    listeners: listeners.map(({ workload, listen, ...rest }, index) => ({
      address: listen,
      listener: { ...rest, id: `${rest.kind}-${index}`, workloadUid: workload } as CapturedListener,
    })),
  }
}

/** The defaults of istio/ztunnel src/state/workload.rs for what its file may leave out. */
function withDefaults(state: MeshState): MeshState {
  return {
    ...state,
    workloads: state.workloads.map((workload) => ({
      ...workload,
      uid: workload.uid ?? `//Pod/${workload.namespace}/${workload.name}`,
      name: workload.name ?? '',
      serviceAccount: workload.serviceAccount ?? '',
      trustDomain: workload.trustDomain ?? '',
      protocol: workload.protocol ?? 'TCP',
      services: workload.services ?? {},
    })),
    services: state.services.map((service) => ({ ...service, vips: service.vips ?? [] })),
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new ProxyError('CONFIG_INVALID', `cannot read ${path}: ${errorMessage(cause)}`, { cause })
  }
}

function parseYaml(text: string, path: string): unknown {
  const document = parseDocument(text, { customTags: [...stringMatchTags] })
  const [error] = document.errors
  if (error) throw new ProxyError('CONFIG_INVALID', `${path}: ${error.message}`)
  return document.toJS()
}

/** ztunnel writes string matches as tagged values, e.g. `!Exact cluster.local/ns/a/sa/b`. */
const stringMatchTags: readonly ScalarTag[] = (['Exact', 'Prefix', 'Suffix'] as const).map(
  (tag) => ({
    tag: `!${tag}`,
    resolve: (value: string): StringMatch => ({ [tag]: value }) as unknown as StringMatch,
  }),
)
