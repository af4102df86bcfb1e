export interface Block {
  readonly language: string
  /** Words behind the language: `runnable`, `file=gates.yaml`. */
  readonly words: readonly string[]
  readonly text: string
  readonly line: number
}

export function blocksOf(markdown: string): Block[] {
  const lines = markdown.split('\n')
  const fences = lines.flatMap((text, index) => (text.startsWith('```') ? [index] : []))
  return fences.flatMap((open, at): Block[] => {
    if (at % 2 === 1) return []
    const [language = '', ...words] = (lines[open] ?? '').slice(3).trim().split(/\s+/)
    const text = lines.slice(open + 1, fences[at + 1]).join('\n')
    return [{ language, words, text, line: open + 1 }]
  })
}

export function fileOf({ words }: Block): string | undefined {
  return words.find((word) => word.startsWith('file='))?.slice('file='.length)
}

export interface Transcript {
  readonly command: string
  /** `...` stands for any text. */
  readonly output: string
}

export function transcriptOf({ text }: Block): Transcript[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = '', ...output] = part.split('\n')
      return { command, output: output.join('\n').trimEnd() }
    })
}

export function asPattern(output: string): RegExp {
  const escaped = output.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  return new RegExp(`^${escaped.replaceAll('\\.\\.\\.', '[\\s\\S]*?')}\\s*$`)
}
