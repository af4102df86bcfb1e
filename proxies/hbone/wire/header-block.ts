import { withoutPadding } from './frame-reader.ts'
import { CODE, ConnectionError, FLAG } from './frames.ts'

/** Frames of one block; nobody needs more, and an empty one costs its sender nothing. */
const MAX_FRAGMENTS = 16

export interface WholeBlock {
  readonly id: number
  readonly endStream: boolean
  readonly block: Buffer
}

/** HEADERS and the CONTINUATIONs behind it, between which nothing else may come. */
export class HeaderBlocks {
  #id = 0
  #flags = 0
  #fragments: Buffer[] = []

  /** The stream whose block is under way, or 0. */
  get open(): number {
    return this.#id
  }

  begin(id: number, flags: number, payload: Buffer): WholeBlock | undefined {
    const content = withoutPadding(flags, payload)
    this.#id = id
    this.#flags = flags
    this.#fragments = [(flags & FLAG.priority) === 0 ? content : content.subarray(5)]
    return this.#whole(flags)
  }

  go(flags: number, payload: Buffer): WholeBlock | undefined {
    this.#fragments.push(payload)
    if (this.#fragments.length > MAX_FRAGMENTS) {
      throw new ConnectionError(CODE.enhanceYourCalm, 'a header block in too many frames')
    }
    return this.#whole(flags)
  }

  #whole(flags: number): WholeBlock | undefined {
    if ((flags & FLAG.endHeaders) === 0) return undefined
    const [first] = this.#fragments
    const block = this.#fragments.length === 1 && first ? first : Buffer.concat(this.#fragments)
    const whole = { id: this.#id, endStream: (this.#flags & FLAG.endStream) !== 0, block }
    this.#id = 0
    this.#fragments = []
    return whole
  }
}
