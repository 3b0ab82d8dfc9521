import type { LeaseSeen, LeaseStore } from '../backends/backend.ts'
import type { FakeLeaseServer } from './fake-lease-store.ts'
import type { ManualClock } from './manual-clock.ts'

export interface TellingOptions {
  /** Of the client's machine: news wait while it is stalled or suspended. */
  readonly clock: ManualClock
  /** On its way so long, in ms of true time; undefined: lost. */
  afterMs(): number | undefined
}

/**
 * A client whose watch tells what there is, as that of Kubernetes does: late, not always, and on another connection than
 * the answers, which it overtakes and is overtaken by. What was learned last is never taken back by what is older.
 */
export function tellingStore(
  server: FakeLeaseServer,
  client: string,
  { clock, afterMs }: TellingOptions,
): LeaseStore<number> {
  const store = server.connect(client, { clock })
  const wire = clock.sibling()
  let newest: LeaseSeen<number> = { record: null, version: 0, token: 0n }
  const learned = (seen: LeaseSeen<number>): boolean => {
    const isNews = seen.version > newest.version
    if (isNews) newest = seen
    return isNews
  }
  return {
    scope: store.scope,
    async read(name, o) {
      learned(await store.read(name, o))
      return newest
    },
    async write(name, next, expect, o) {
      const written = await store.write(name, next, expect, o)
      if (written.is === 'applied') learned({ record: next, version: written.version, token: written.token })
      return written
    },
    watch: (name, _from, changed, { signal }) =>
      new Promise<never>((_resolve, reject) => {
        const told = (changedName: string, seen: LeaseSeen<number>): void => {
          const ms = changedName === name ? afterMs() : undefined
          if (ms === undefined) return
          const arrive = (): void => {
            if (signal?.aborted !== true && learned(seen)) changed(seen)
          }
          wire.setTimer(ms, () => void clock.setTimer(0, arrive))
        }
        server.onChange.add(told)
        signal?.addEventListener('abort', () => {
          server.onChange.delete(told)
          reject(new Error('aborted'))
        })
      }),
  }
}
