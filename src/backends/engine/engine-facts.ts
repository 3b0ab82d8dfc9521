/** What every engine without a log says of itself. */
import type { Timing } from '../../lease/timing.ts'
import { shortestLeaseMs } from '../../lease/timing-rules.ts'
import type { BackendFacts } from '../facts.ts'

export function engineFacts(tokenSource: string): (timing: Timing) => BackendFacts {
  return (timing) => ({
    guarantee: 'linearizable',
    exclusivity: ['time', 'token'],
    tokenSource,
    order: 'rank',
    transfer: 'directed',
    proclaim: true,
    earlyLoss: [],
    operatorRequests: true,
    limits: { minLeaseMs: shortestLeaseMs(timing), nameBytes: 253, metadataBytes: 4096, nestedNames: true },
  })
}
