import { close, mkdirSync, openSync, renameSync, write } from 'node:fs'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'

/** Enough to see why something failed; twice that is the most a container can fill. */
const maxBytes = 4 * 1024 * 1024
/** Beyond this, output is dropped rather than kept in memory while the disk is slow. */
const maxPendingBytes = 1024 * 1024

/**
 * Container output on disk: `path` and, after `maxBytes`, the previous part as `path.1`. Output is
 * always read and never waited for, and a disk that refuses it costs lines, not pods.
 */
export class LogFile {
  readonly #path: string
  readonly #onRefused: (error: Error) => void
  #refused = false
  #file: number | undefined
  #bytes = 0
  #pending: Buffer[] = []
  #pendingBytes = 0
  #writing = false
  #closed = false

  /** `onRefused`: lines are being lost from now on; called again only after some were written. */
  constructor(path: string, onRefused: (error: Error) => void = () => undefined) {
    this.#path = path
    this.#onRefused = onRefused
    this.#open()
  }

  follow(stream: Readable): void {
    stream.on('data', (chunk: Buffer) => this.append(chunk))
    stream.on('error', () => undefined)
  }

  append(chunk: Buffer): void {
    if (this.#closed || this.#pendingBytes + chunk.length > maxPendingBytes) return
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    this.#flush()
  }

  /** What is pending is still written. */
  close(): void {
    this.#closed = true
    this.#flush()
  }

  #flush(): void {
    if (this.#writing) return
    if (this.#pending.length === 0) {
      if (this.#closed) this.#release()
      return
    }
    if (this.#bytes > maxBytes) this.#rotate()
    if (this.#file === undefined) this.#open()
    const chunk = Buffer.concat(this.#pending)
    this.#pending = []
    this.#pendingBytes = 0
    if (this.#file === undefined) return
    this.#writing = true
    write(this.#file, chunk, (error, written = 0) => {
      this.#writing = false
      this.#note(error)
      this.#bytes += written
      this.#flush()
    })
  }

  #open(): void {
    try {
      mkdirSync(dirname(this.#path), { recursive: true })
      this.#file = openSync(this.#path, 'a')
    } catch (error) {
      this.#file = undefined
      this.#note(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #note(error: Error | null): void {
    if (error !== null && !this.#refused) this.#onRefused(error)
    this.#refused = error !== null
  }

  #rotate(): void {
    this.#release()
    this.#bytes = 0
    try {
      renameSync(this.#path, `${this.#path}.1`)
    } catch {
      // Then the same file goes on growing from here; the next rotation tries again.
    }
  }

  #release(): void {
    if (this.#file !== undefined) close(this.#file, () => undefined)
    this.#file = undefined
  }
}
