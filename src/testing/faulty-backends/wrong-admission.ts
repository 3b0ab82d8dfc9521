import type { Exclusivity } from '../../backends/backend.ts'
import { isMandateError } from '../../errors.ts'
import { faulty } from './afflict.ts'
import type { FaultyBackend } from './afflict.ts'

/** Candidates let in that must be refused, or in the wrong order, or too early. */
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
    'priorities that count for nothing',
    'DESIGN §3: fair is by priority, then first come',
    'a higher priority leads first among those who wait',
    () => ({ enter: ({ inner }, request, on) => inner.enter({ ...request, priority: 0 }, on) }),
  ),
  faulty(
    'long names cut to the limit',
    'two elections that become one',
    'a name of exactly the longest length is taken, one byte more is refused with INVALID_NAME',
    ({ facts }) => ({
      enter: ({ inner }, request, on) =>
        inner.enter({ ...request, election: request.election.slice(0, facts.limits.nameBytes) }, on),
    }),
  ),
  faulty(
    'names that ignore case',
    'stores whose collation ignores case: two elections that become one',
    'names that differ only in case or in a prefix are different elections',
    () => ({
      enter: ({ inner }, request, on) =>
        inner.enter({ ...request, election: request.election.toLowerCase() }, on),
    }),
  ),
]
