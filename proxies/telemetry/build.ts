import { readFileSync } from 'node:fs'
import type { Registry } from './registry.ts'

/** Istio's proxies all tell what they are, so that a scrape shows a mesh of mixed versions. */
export function countBuild(registry: Registry, component: string): void {
  registry
    .gauge('istio_build', 'Version of this proxy.')
    .with({ component, tag: version() }).value = 1
}

function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  const { version: tag } = JSON.parse(text) as { readonly version: string }
  return tag
}
