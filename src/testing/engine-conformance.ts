/** A backend of an engine without a log, set up for the conformance suite: the whole of it but sockets and files, on virtual time. */
import type { Guarantee } from '../backends/backend.ts'
import { EngineDriver } from '../backends/engine/driver.ts'
import type { Engine } from '../backends/engine/engine.ts'
import { resolveTiming } from '../lease/timing.ts'
import type { ConformanceSetup } from './conformance.ts'
import { candidatePeers, embeddedConformance, worstRates } from './embedded-conformance.ts'
import { engineWorld } from './engine-world.ts'

interface EngineConformance<Reply, Its extends Guarantee>
  extends Required<Pick<ConformanceSetup<Its>, 'name' | 'absent'>>, Pick<ConformanceSetup<Its>, 'skip'> {
  readonly kind: 'client' | 'peer'
  readonly arbiters: readonly string[]
  /** @default candidatePeers */
  readonly candidates?: readonly string[]
  isRenewal(reply: Reply): boolean
}

export function engineConformance<Request, Reply, Written extends object, Its extends Guarantee>(
  engine: Engine<Request, Reply, Written, Its>,
  {
    name,
    absent,
    skip,
    kind,
    arbiters,
    candidates = candidatePeers,
    isRenewal,
  }: EngineConformance<Reply, Its>,
): ConformanceSetup<Its> {
  const peers = kind === 'peer' ? [...arbiters, ...candidates] : arbiters
  return {
    name,
    facts: engine.facts(resolveTiming('default')),
    absent,
    ...(skip === undefined ? {} : { skip }),
    leaseMs: 1000,
    create: () =>
      embeddedConformance(engineWorld(engine, { peers, timing: 'default', rateOf: worstRates(arbiters) }), {
        kind,
        arbiters,
        candidates,
        isReply: (message) => message.type === 'answer' && message.replies.some((reply) => !isRenewal(reply)),
        driver: (options, seams) => new EngineDriver(engine, options, seams),
      }),
  }
}
