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
  faulty(
    'metadata that nobody gets to see',
    'a record written without it',
    'the metadata of a candidate is what others see of the leader',
    () => ({ enter: ({ inner }, request, on) => inner.enter({ ...request, metadata: {} }, on) }),
  ),
  faulty(
    'observers without a candidate that see nothing',
    'permissions of a reader that were never tried',
    'an observer without a candidate sees the same, and leaves without a trace',
    () => ({
      shareObserver: async (inner, o) => {
        const { observer, leave } = await inner.shareObserver(o)
        const blind = { scope: observer.scope, observe: () => ({ close: () => undefined }) }
        return { observer: blind, leave: () => leave() }
      },
    }),
  ),
  faulty(
    'one observer to an election and session',
    'a map of listeners that holds one for each key',
    'observers of one election agree with its leader on the token',
    () => {
      const watched = new Map<object, Set<string>>()
      return {
        observe: ({ inner }, election, on) => {
          const elections = watched.get(inner) ?? new Set()
          watched.set(inner, elections)
          if (elections.has(election)) return { close: () => undefined }
          elections.add(election)
          return inner.observe(election, on)
        },
      }
    },
  ),
]
