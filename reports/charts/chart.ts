import type { TopLevelSpec } from 'vega-lite'

/**
 * One figure of the page: a finding as its title, one or two panels, and the same data as a table
 * for whoever cannot or does not want to read a picture.
 */
export interface Chart {
  readonly id: string
  /** What the data shows, in words and figures. */
  readonly finding: string
  /** What is drawn: quantity and unit. */
  readonly subtitle: string
  readonly reading: string
  readonly legend: readonly LegendEntry[]
  readonly panels: readonly Panel[]
  readonly table: DataTable
}

export interface LegendEntry {
  readonly label: string
  readonly colour: string
  readonly outline?: boolean
}

export interface Panel {
  readonly heading: string
  /** Exactly this wide, margins included, so that text keeps its size on a small screen. */
  readonly spec: (widthPx: number) => PanelSpec
  /** The same on the other kind of scale, for the reader to switch to; `isLog` tells what `spec` is. */
  readonly otherScale?: { readonly isLog: boolean; readonly spec: (widthPx: number) => PanelSpec }
}

export interface PanelSpec {
  readonly spec: TopLevelSpec
  readonly margin: Margin
}

export interface Margin {
  readonly left: number
  readonly right: number
  readonly top: number
  readonly bottom: number
}

export interface DataTable {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}
