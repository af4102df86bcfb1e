import { join } from 'node:path'
import { serviceImage, storeImage } from '../../workloads/images.ts'
import { sidecarImage } from '../controllers/injection.ts'
import { waypointImage } from '../controllers/waypoint.ts'
import { ztunnelImage } from '../controllers/ztunnel.ts'
import { canaryImage, type ImageCatalogue, type ImageDefinition } from '../images.ts'

/** The programs that come with meshbench. */
export const builtInImages: ImageCatalogue = {
  [serviceImage]: program('workloads/service', 'app', 'mb-app'),
  [storeImage]: program('workloads/store', 'app', 'mb-store'),
  [canaryImage]: program('workloads/canary', 'app', 'mb-canary'),
  [sidecarImage]: program('proxies/sidecar', 'proxy', 'mb-sidecar'),
  [ztunnelImage]: program('proxies/ztunnel', 'proxy', 'mb-ztunnel'),
  [waypointImage]: program('proxies/waypoint', 'proxy', 'mb-waypoint'),
}

function program(
  folder: string,
  protocol: ImageDefinition['protocol'],
  title: string,
): ImageDefinition {
  const root = join(import.meta.dirname, '..', '..')
  return { entry: join(root, folder, 'main.js'), protocol, title }
}
