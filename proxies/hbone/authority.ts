import { isIP } from 'node:net'
import type { SocketAddress } from '../config/process.ts'

/** `ip:port`, `[v6]:port` or `hostname:port`. */
export function formatAuthority({ host, port }: SocketAddress): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`
}

export function parseAuthority(authority: string): SocketAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]+)):(\d{1,5})$/.exec(authority)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (!host || port < 1 || port > 65_535) return undefined
  return { host, port }
}
