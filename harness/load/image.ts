import { fileURLToPath } from 'node:url'
import type { ImageCatalogue } from '../../cluster/images.ts'

/** For `images` of the embedded cluster, which does not know the harness. */
export const loadImages: ImageCatalogue = {
  'meshbench/load': {
    entry: fileURLToPath(new URL('./main.js', import.meta.url)),
    protocol: 'app',
    title: 'mb-load',
  },
}
