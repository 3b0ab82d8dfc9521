import type { SponsorMessage } from '../../cluster/messages.ts'
import { Reader } from '../../cluster/reader.ts'
import { Sponsor } from '../../cluster/sponsor.ts'
import { apply, createRegistry } from '../../registry/registry.ts'
import { expectEqual, type Schedule } from './schedule.ts'

/** A client loses its sponsor and finds another one that has not applied as much: news from the past. */
export const laggingSponsor: Schedule = {
  name: 'lagging-sponsor',
  claim:
    'Who changes the sponsor hears nothing from the past: neither the end of a session that lives nor an older leader (S14)',
  run() {
    session()
    observer()
  },
}

function session(): void {
  const registry = createRegistry({ tokenBase: 0n })
  const told: SponsorMessage[] = []
  const reads: ((ok: boolean) => void)[] = []
  const sponsor = new Sponsor(registry, 'cluster', ['a', 'b', 'c'], {
    propose: () => undefined,
    keepalive: () => undefined,
    read: (done) => reads.push(done),
  })
  const request = { session: 's', id: 's', leaseMs: 1_000, host: null }
  sponsor.received({ send: (message) => told.push(message) }, { type: 'open', request, reattach: true })
  expectEqual(told, [], 'what a sponsor tells that may lag')
  for (const event of apply(registry, 1, { type: 'open', ...request })) sponsor.applied(event)
  for (const done of reads) done(true)
  expectEqual(
    told.map(({ type }) => type),
    ['opened'],
    'what it tells after a linearizable read',
  )
}

function observer(): void {
  const seen: string[] = []
  const reader = new Reader(
    () => undefined,
    () => undefined,
  )
  reader.up()
  reader.observe('e', (state) => seen.push(state.is === 'led' ? `${state.id} ${state.token}` : state.is))
  for (const [id, token] of [
    ['b', 9n],
    ['a', 4n],
    ['c', 12n],
  ] as const) {
    reader.received({ type: 'observed', id: 1, state: { is: 'led', id, token, metadata: {} } })
  }
  expectEqual(seen, ['b 9', 'c 12'], 'what an observer is told')
}
