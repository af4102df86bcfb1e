import { z } from 'zod'

/** Where a result was measured, and by which counters. */
export const environment = z.object({
  node: z.string(),
  platform: z.string(),
  os: z.string(),
  kernel: z.string(),
  cpuModel: z.string(),
  cores: z.int().positive(),
  memoryBytes: z.number().positive(),
  governor: z.string().nullable(),
  virtualised: z.boolean().nullable(),
  loadAverageAtStart: z.array(z.number()),
  clockSource: z
    .string()
    .nullable()
    .optional()
    .meta({ description: 'what the kernel tells the time by' }),
  cgroup: z
    .object({
      version: z.union([z.literal(1), z.literal(2)]),
      cpuCores: z.number().positive().nullable(),
      memoryBytes: z.number().positive().nullable(),
    })
    .nullable()
    .optional()
    .meta({ description: 'limits of the container around the run; null in it: none' }),
  cpuSource: z.string().meta({ description: 'which counter the CPU figures come from' }),
  memorySource: z.string(),
  cluster: z.object({
    kind: z.enum(['embedded', 'kubernetes']),
    version: z.string(),
    proxyWorkers: z
      .int()
      .positive()
      .optional()
      .meta({ description: 'threads of a proxy that carry traffic' }),
    capture: z
      .string()
      .optional()
      .meta({ description: 'how traffic gets into the proxies, in the place of a CNI plugin' }),
  }),
})
