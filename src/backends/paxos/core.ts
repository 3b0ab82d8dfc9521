/** The acceptor of a peer as the host runs it. */
import type { Core, CoreEffect, CoreInput, CoreStart } from '../../cluster/engine/engine.ts'
import type { ElectionStatus } from '../../cluster/messages.ts'
import type { Timing } from '../../lease/timing.ts'
import {
  createAcceptor,
  stepAcceptor,
  stopAcceptor,
  type Acceptor,
} from '../../protocols/paxos/acceptor/acceptor.ts'
import { expiresAt, lineOf, type Entry } from '../../protocols/paxos/acceptor/state.ts'
import { electionOf } from '../../protocols/paxos/proposer/state.ts'
import type { AcceptorRecord, PaxosReply, PaxosRequest } from '../../protocols/paxos/types.ts'

/** Elections listed in one answer: a cluster may hold many more than fit a frame. */
const electionsMax = 1_000

export class AcceptorCore implements Core<PaxosRequest, PaxosReply, AcceptorRecord> {
  readonly #acceptor: Acceptor
  readonly #tokenBase: bigint

  constructor(
    timing: Timing,
    tokenBase: bigint,
    { self, incarnation, startedAt, records }: CoreStart<AcceptorRecord>,
  ) {
    this.#tokenBase = tokenBase
    this.#acceptor = createAcceptor({
      self,
      incarnation,
      bounds: timing,
      heartbeatMs: timing.heartbeatMs,
      startedAt,
      recovered: records.at(-1) ?? null,
    })
  }

  step(input: CoreInput<PaxosRequest>, now: number): readonly CoreEffect<PaxosReply, AcceptorRecord>[] {
    return stepAcceptor(this.#acceptor, input, now)
  }

  stop(now: number): AcceptorRecord | null {
    return stopAcceptor(this.#acceptor, now)
  }

  elections(election: string | null, now: number): readonly ElectionStatus[] {
    const rows: ElectionStatus[] = []
    for (const [instance, entry] of this.#acceptor.entries) {
      const name = electionOf(instance)
      if (name === null || (election !== null && name !== election)) continue
      if (entry.accepted === null && entry.line.size === 0) continue
      rows.push(this.#row(name, entry, now))
      if (rows.length >= electionsMax) break
    }
    return rows
  }

  #row(name: string, entry: Entry, now: number): ElectionStatus {
    const { accepted } = entry
    const line = lineOf(entry)
    const session = accepted === null ? undefined : this.#acceptor.sessions.get(accepted.session)
    return {
      name,
      exclusivity: accepted?.exclusivity ?? line[0]?.exclusivity ?? 'time',
      leader:
        accepted === null
          ? null
          : {
              id: accepted.id,
              token: this.#tokenBase + BigInt(accepted.token),
              metadata: accepted.metadata,
            },
      heldMs: accepted === null ? null : Math.max(0, now - accepted.since),
      expiresInMs: session === undefined ? null : Math.max(0, expiresAt(this.#acceptor, session) - now),
      waiting: line.map(({ id, priority }) => ({ id, priority })),
      lastReason: entry.lastEnding,
    }
  }
}
