import type { Candidacy, Exclusivity } from '../../backends/backend.ts'
import { isMandateError } from '../../errors.ts'
import { faulty } from './afflict.ts'
import type { FaultyBackend } from './afflict.ts'

/** Candidates let in that must be refused. */
export const wrongAdmission: readonly FaultyBackend[] = [
  faulty(
    'a second process with a connected id let in',
    'n8n#27126; Patroni refuses duplicate names for the same reason',
    'a second process with the id of a connected leader is refused with DUPLICATE_ID',
    () => {
      let incarnations = 0
      return {
        share: async (inner, request, o) => {
          try {
            return await inner.share(request, o)
          } catch (error) {
            if (!isMandateError(error, 'DUPLICATE_ID')) throw error
            incarnations += 1
            return inner.share({ ...request, candidateId: `${request.candidateId}-${incarnations}` }, o)
          }
        },
      }
    },
  ),
  faulty(
    'a candidate let in that asks for another exclusivity',
    'DESIGN §2: exclusivity belongs to the election',
    "who asks for 'token' in an election held in 'time' is refused, and both are named",
    () => {
      const held = new Map<string, Exclusivity>()
      return {
        enter: ({ inner }, request, on) => {
          const exclusivity = held.get(request.election) ?? request.exclusivity
          held.set(request.election, exclusivity)
          return inner.enter({ ...request, exclusivity }, on)
        },
      }
    },
  ),
  faulty(
    'a second candidacy of one session that is never answered',
    'DESIGN §3: one candidacy per election name and session',
    'one session stands at most once in an election at a time',
    () => {
      const standing = new Map<object, Set<string>>()
      return {
        enter: ({ inner }, request, on) => {
          const elections = standing.get(inner) ?? new Set()
          standing.set(inner, elections)
          if (elections.has(request.election)) return silentCandidacy()
          elections.add(request.election)
          return inner.enter(request, on)
        },
      }
    },
  ),
]

function silentCandidacy(): Candidacy {
  return {
    leave: () => Promise.resolve('was-not-holder'),
    transfer: () => Promise.resolve('refused'),
    proclaim: () => Promise.resolve('was-not-holder'),
  }
}
