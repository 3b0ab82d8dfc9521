import type { WatchedPaths } from './operations.ts'
import type { WatchEvent } from './records.ts'

/** What a watch was left by: they go off for different events. */
export type WatchKind = 'data' | 'exist' | 'child'

/** Called once, when its watch goes off. */
export type Watcher = (event: WatchEvent) => void

/** One `setWatches` holds at most so many bytes of paths: a server refuses frames above its limit (ZOOKEEPER-706). */
const BATCH_BYTES = 128 * 1024

/** Who waits for what, by whole path; a server forgets all watches with the connection. */
export class WatchTable {
  readonly #watchers: Readonly<Record<WatchKind, Map<string, Set<Watcher>>>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
  }

  add(kind: WatchKind, path: string, watcher: Watcher): void {
    const watchers = this.#watchers[kind].get(path)
    if (watchers === undefined) this.#watchers[kind].set(path, new Set([watcher]))
    else watchers.add(watcher)
  }

  /** Nobody waits any more; what the server still sends is ignored. */
  remove(path: string, watcher: Watcher): void {
    for (const byPath of Object.values(this.#watchers)) {
      const watchers = byPath.get(path)
      if (watchers?.delete(watcher) === true && watchers.size === 0) byPath.delete(path)
    }
  }

  /** Those whose watch this event uses up. */
  fired({ type, path }: WatchEvent): readonly Watcher[] {
    switch (type) {
      case 'created':
      case 'changed':
        return this.#take(path, ['data', 'exist'])
      case 'deleted':
        return this.#take(path, ['data', 'exist', 'child'])
      case 'children':
        return this.#take(path, ['child'])
      case 'none':
        return []
      default:
        return type satisfies never
    }
  }

  #take(path: string, kinds: readonly WatchKind[]): readonly Watcher[] {
    const taken = new Set<Watcher>()
    for (const kind of kinds) {
      for (const watcher of this.#watchers[kind].get(path) ?? []) taken.add(watcher)
      this.#watchers[kind].delete(path)
    }
    return [...taken]
  }

  /** All of them, in batches that a server takes. */
  batches(): readonly WatchedPaths[] {
    const batches: { data: string[]; exist: string[]; child: string[] }[] = []
    let bytes = Infinity
    for (const kind of ['data', 'exist', 'child'] as const) {
      for (const path of this.#watchers[kind].keys()) {
        const length = Buffer.byteLength(path) + 4
        if (bytes + length > BATCH_BYTES) {
          batches.push({ data: [], exist: [], child: [] })
          bytes = 0
        }
        batches.at(-1)?.[kind].push(path)
        bytes += length
      }
    }
    return batches
  }
}
