import type { LeaderRecord, Metadata } from '../../backends/backend.ts'
import { candidacyWith, eventsWith, faulty, sightWith } from './afflict.ts'
import type { FaultyBackend } from './afflict.ts'

/** Observers that see the wrong thing. */
export const wrongSights: readonly FaultyBackend[] = [
  faulty(
    'an observer that goes back',
    'reads from a follower that lags behind: Jepsen, etcd 3.4.3 and Redis-Raft',
    'an observer sees leaders in the order in which they led, and the newest in the end',
    () => ({
      observe: ({ inner }, election, on) => {
        let earlier: LeaderRecord | undefined
        return inner.observe(
          election,
          sightWith(on, {
            led: (leader) => {
              on.led(leader)
              if (earlier !== undefined) on.led(earlier)
              earlier = leader
            },
          }),
        )
      },
    }),
  ),
  faulty(
    'a vacancy that observers never hear of',
    'n8n#27126: the change was not announced',
    'an observer is told of the vacancy after a resignation that nobody follows',
    () => ({
      observe: ({ inner }, election, on) => {
        let heard = false
        return inner.observe(
          election,
          sightWith(on, {
            led: (leader) => {
              heard = true
              on.led(leader)
            },
            vacant: () => (heard ? undefined : on.vacant()),
          }),
        )
      },
    }),
  ),
  faulty(
    'an observer that is told changes only',
    'watches that start from now: the present state is missed',
    'an observer that comes late is told first who leads',
    () => ({
      observe: ({ inner }, election, on) => {
        let first = true
        const unlessFirst = (tell: () => void): void => {
          if (!first) tell()
          first = false
        }
        return inner.observe(
          election,
          sightWith(on, {
            led: (leader) => unlessFirst(() => on.led(leader)),
            vacant: () => unlessFirst(() => on.vacant()),
          }),
        )
      },
    }),
  ),
  faulty(
    'an observer that goes on after its close',
    'DESIGN §3: no event after close',
    'an observer that is closed hears nothing more, and its neighbour goes on',
    () => ({
      observe: ({ inner }, election, on) => {
        inner.observe(election, on)
        return { close: () => undefined }
      },
    }),
  ),
  faulty(
    'an observer that takes silence for calm',
    'half-open connections: a watch that died without a word',
    'an observer that lost contact says so, and catches up with the newest state',
    () => ({
      observe: ({ inner }, election, on) =>
        inner.observe(election, sightWith(on, { unknown: () => undefined })),
    }),
  ),
  faulty(
    'metadata that outlives its leader',
    'a record that is merged on acquisition, not replaced',
    'what a leader proclaimed is gone with it',
    () => {
      const kept = new Map<string, Metadata>()
      return {
        enter: ({ inner }, request, on) => {
          const { election } = request
          const metadata = { ...request.metadata, ...kept.get(election) }
          const candidacy = inner.enter({ ...request, metadata }, eventsWith(on, {}))
          return candidacyWith(candidacy, {
            proclaim: (next, o) => {
              kept.set(election, next)
              return candidacy.proclaim(next, o)
            },
          })
        },
      }
    },
  ),
]
