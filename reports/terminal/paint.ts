export type PaintStyle = 'strong' | 'faint' | 'better' | 'worse' | 'warning'

/** Colours are the caller's: it knows its stream, NO_COLOR and the terminal. */
export type Paint = (style: PaintStyle, text: string) => string

export const plain: Paint = (_, text) => text
