import { fileURLToPath } from 'node:url'
import type { ImageCatalogue } from '../../cluster/images.ts'

export const generatorImage = 'meshbench/load'

/** What the harness adds to the images that a cluster knows by itself. */
export const generatorImages: ImageCatalogue = {
  [generatorImage]: {
    entry: fileURLToPath(new URL('../load/main.js', import.meta.url)),
    protocol: 'app',
    title: 'mb-load',
  },
}
