/** A folder of segments in memory, whose effects happen when a scheduler says so, and whose users can be killed. */
import type { SegmentFolder, SegmentHandle } from '../segment-folder.ts'

export interface EffectScheduler {
  schedule<T>(task: Promise<T>): Promise<T>
}

export class MemorySegments implements SegmentFolder {
  failWrites = false
  /** Awaited before an effect of this view, for schedules that are written down. */
  before: (effect: 'tokens' | 'create' | 'read' | 'write') => Promise<void> | void = () => undefined
  readonly #scheduler: EffectScheduler | undefined
  readonly #files: Map<bigint, Buffer>
  /** Effects left until the user of this view is killed. */
  #lives: number

  constructor(scheduler?: EffectScheduler, files = new Map<bigint, Buffer>(), lives = Infinity) {
    this.#scheduler = scheduler
    this.#files = files
    this.#lives = lives
  }

  /** The same files, for a process that is killed after so many effects. */
  usedBy(lives: number): MemorySegments {
    return new MemorySegments(this.#scheduler, this.#files, lives)
  }

  /** The same files, with effects at once. */
  atRest(): MemorySegments {
    return new MemorySegments(undefined, this.#files)
  }

  pathOf(token: bigint): string {
    return `memory/${token}`
  }

  async tokens(): Promise<bigint[]> {
    await this.#turn('tokens')
    return [...this.#files.keys()]
  }

  async create(token: bigint): Promise<SegmentHandle | undefined> {
    await this.#turn('create')
    if (this.#files.has(token)) return undefined
    this.#files.set(token, Buffer.alloc(0))
    return {
      write: async (bytes, position) => {
        // In two parts: others may look, and this process may die, between them.
        const half = bytes.length >> 1
        await this.#put(token, bytes.subarray(0, half), position)
        await this.#put(token, bytes.subarray(half), position + half)
      },
      close: async () => undefined,
    }
  }

  async read(token: bigint): Promise<Buffer> {
    await this.#turn('read')
    return Buffer.from(this.#files.get(token) ?? '')
  }

  async #put(token: bigint, bytes: Buffer, position: number): Promise<void> {
    await this.#turn('write')
    if (this.failWrites) throw new Error('no space')
    const old = this.#files.get(token) ?? Buffer.alloc(0)
    const next = Buffer.alloc(Math.max(old.length, position + bytes.length))
    old.copy(next)
    bytes.copy(next, position)
    this.#files.set(token, next)
  }

  /** A killed process does nothing more, and is told nothing. */
  async #turn(effect: Parameters<MemorySegments['before']>[0]): Promise<void> {
    await this.before(effect)
    if (this.#lives-- <= 0) await new Promise<never>(() => undefined)
    await this.#scheduler?.schedule(Promise.resolve())
  }
}
