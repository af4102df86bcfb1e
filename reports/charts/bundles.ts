import { readFile } from 'node:fs/promises'

/**
 * The browser builds of vega, vega-lite and vega-embed, in the order they must load. Their package
 * `exports` hide the files, so they are found beside the module that is exported.
 */
export async function readBundles(): Promise<string[]> {
  const locations = [
    new URL('vega.min.js', import.meta.resolve('vega')),
    new URL('vega-lite.min.js', import.meta.resolve('vega-lite')),
    new URL('vega-embed.min.js', import.meta.resolve('vega-embed')),
  ]
  return await Promise.all(locations.map((location) => readFile(location, 'utf8')))
}
