/**
 * Backends with one known bug each. They judge the conformance suite, as the suite judges backends: a bug that no case
 * notices is a hole in the suite. For tests of this repository; not part of the public test kit.
 */
import type { FaultyBackend } from './faulty-backends/afflict.ts'
import { brokenPromises } from './faulty-backends/broken-promises.ts'
import { toldWrongly } from './faulty-backends/told-wrongly.ts'
import { wrongAdmission } from './faulty-backends/wrong-admission.ts'
import { wrongGrants } from './faulty-backends/wrong-grants.ts'
import { wrongLimits } from './faulty-backends/wrong-limits.ts'
import { wrongRequests } from './faulty-backends/wrong-requests.ts'
import { wrongSights } from './faulty-backends/wrong-sights.ts'
import { wrongTokens } from './faulty-backends/wrong-tokens.ts'

export type { FaultyBackend } from './faulty-backends/afflict.ts'
export { alsoFailed } from './faulty-backends/also-failed.ts'

export const faultyBackends: readonly FaultyBackend[] = [
  ...toldWrongly,
  ...wrongTokens,
  ...brokenPromises,
  ...wrongSights,
  ...wrongAdmission,
  ...wrongGrants,
  ...wrongLimits,
  ...wrongRequests,
]
