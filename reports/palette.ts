import type { Mode, Role } from '../harness/modes.ts'

/**
 * Every colour of the page as light and dark; a test computes the contrasts (text 4.5:1, graphics
 * 3:1). Orange against blue stays apart under every colour vision deficiency. Colour is never the
 * only sign: a mode also has its dash, its marker and its name at the end of the line.
 */
export const palette = {
  background: ['#ffffff', '#111418'],
  surface: ['#f6f7f9', '#1a1f26'],
  text: ['#14181f', '#e8ebef'],
  muted: ['#545c69', '#a9b1bd'],
  line: ['#d5d9e0', '#363d48'],
  grid: ['#e8eaee', '#262c35'],
  link: ['#1d4ed8', '#8ab4ff'],
  better: ['#15803d', '#4ade80'],
  worse: ['#b91c1c', '#fca5a5'],
  warning: ['#92400e', '#fcd34d'],
  'mode-baseline': ['#6b7280', '#9ca3af'],
  'mode-sidecar': ['#b45309', '#f59e0b'],
  'mode-ambient': ['#1d4ed8', '#8ab4ff'],
  'mode-waypoint': ['#1d4ed8', '#8ab4ff'],
  'role-app': ['#6b7280', '#9ca3af'],
  'role-sidecar': ['#b45309', '#f59e0b'],
  'role-ztunnel': ['#1d4ed8', '#8ab4ff'],
  'role-waypoint': ['#7c8fd0', '#5b7fc7'],
  'on-role-app': ['#ffffff', '#111418'],
  'on-role-sidecar': ['#ffffff', '#111418'],
  'on-role-ztunnel': ['#ffffff', '#111418'],
  'on-role-waypoint': ['#111418', '#111418'],
} as const satisfies Record<string, readonly [light: string, dark: string]>

export type Colour = keyof typeof palette

export function cssVariables(): string {
  const lines = Object.entries(palette).map(
    ([name, [light, dark]]) => `--${name}: light-dark(${light}, ${dark});`,
  )
  return `:root {\n  color-scheme: light dark;\n  ${lines.join('\n  ')}\n}`
}

export function variable(name: Colour): string {
  return `var(--${name})`
}

export interface ModeForm {
  readonly colour: Colour
  readonly dash: readonly number[]
  readonly shape: string
}

export const modeForms: Record<Mode, ModeForm> = {
  baseline: { colour: 'mode-baseline', dash: [2, 3], shape: 'square' },
  sidecar: { colour: 'mode-sidecar', dash: [1, 0], shape: 'circle' },
  ambient: { colour: 'mode-ambient', dash: [1, 0], shape: 'diamond' },
  waypoint: { colour: 'mode-waypoint', dash: [6, 3], shape: 'triangle-up' },
}

/** Roles whose cost a mesh changes, in the order they are stacked. */
export const chartedRoles = [
  'app',
  'sidecar',
  'ztunnel',
  'waypoint',
] as const satisfies readonly Role[]
