import type { RoleCost, Sweep } from '../../harness/result/sweep.ts'

export const modelHeads = [
  '',
  'idle mCPU',
  '\u00b5CPU/connection',
  '\u00b5s/request',
  '\u00b5s/KiB',
  'PSS MiB',
  'fit error',
  'windows',
] as const

export function modelRows({ model }: Sweep): string[][] {
  return model.map((cost: RoleCost) => [
    cost.role,
    figureText(scale(cost.idleCores, 1e3)),
    figureText(scale(cost.coresPerConnection, 1e6)),
    figureText(cost.usPerRequest),
    figureText(cost.usPerKib),
    figureText(scale(cost.pssBytesPerProcess, 1 / 1024 ** 2)),
    cost.fitError === null ? '-' : `${Math.round(cost.fitError * 100)} %`,
    String(cost.windows),
  ])
}

export const figureText = (value: number | null): string =>
  value === null ? '-' : value >= 100 ? value.toFixed(0) : value.toFixed(2)

const scale = (value: number | null, by: number): number | null =>
  value === null ? null : value * by
