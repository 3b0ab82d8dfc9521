import { faulty } from './afflict.ts'
import type { FaultyBackend } from './afflict.ts'

/** Facts that are not so, and requests that are bent until they fit. */
export const wrongLimits: readonly FaultyBackend[] = [
  faulty(
    'facts that promise less than the documentation',
    'unstorage: flags that nobody compared with what the driver does',
    'the facts found at run time are the documented ones',
    () => ({ facts: (facts) => ({ ...facts, proclaim: !facts.proclaim }) }),
  ),
  faulty(
    'a short lease raised to the shortest',
    'an option that silently means something else',
    'a lease below the shortest is refused with INVALID_OPTIONS',
    ({ facts }) => ({
      share: (inner, request, o) =>
        inner.share({ ...request, leaseMs: Math.max(request.leaseMs ?? 0, facts.limits.minLeaseMs) }, o),
    }),
  ),
  faulty(
    'names made to fit',
    'names cleaned and cut, until two elections become one',
    [
      'a name of exactly the longest length is taken, one byte more is refused with INVALID_NAME',
      'the length of a name counts in bytes, not in characters',
      'a name that is empty or holds control characters is refused with INVALID_NAME',
    ],
    ({ facts }) => ({
      enter: ({ inner }, request, on) => {
        const fitting = request.election.replaceAll(/[^\w/-]/g, '_').slice(0, facts.limits.nameBytes)
        return inner.enter({ ...request, election: fitting === '' ? '_' : fitting }, on)
      },
    }),
  ),
  faulty(
    'names that end at a slash',
    'a name that becomes a path',
    'a name with a slash is an election of its own, or refused with INVALID_NAME',
    () => ({
      enter: ({ inner }, request, on) =>
        inner.enter({ ...request, election: request.election.split('/')[0] ?? '' }, on),
    }),
  ),
  faulty(
    'metadata cut to the limit',
    'a value that nobody asked for',
    'metadata above the limit is refused with LIMIT_EXCEEDED',
    ({ facts }) => ({
      enter: ({ inner }, request, on) => {
        const entries = Object.entries(request.metadata)
        const metadata = Object.fromEntries(
          entries.map(([key, value]) => [key, value.slice(0, facts.limits.metadataBytes / 2)]),
        )
        return inner.enter({ ...request, metadata }, on)
      },
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
