/**
 * A few peers, a wire and a disk each, under the hand of a script: nothing happens that was not asked for. Used by the
 * golden transcripts and by the tests that follow the paper.
 */
import type { PeerId } from '../../quorum/types.ts'
import { createRaft } from '../state.ts'
import type { Raft } from '../state.ts'
import { step } from '../step.ts'
import type { Entry, HardState, RaftEffect, RaftInput, RaftMessage, RaftOptions } from '../types.ts'

export interface Letter {
  readonly from: PeerId
  readonly to: PeerId
  readonly message: RaftMessage<string>
}

interface Disk {
  hardState: HardState
  entries: Entry<string>[]
}

type Persist = Extract<RaftEffect<string>, { type: 'persist' }>

export interface ScriptedPeer {
  readonly id: PeerId
  raft: Raft<string>
  alive: boolean
  readonly disk: Disk
  /** Asked for, not durable yet. */
  writes: Persist[]
  /** Letters that wait for the disk. */
  gated: { readonly letter: Letter; readonly after: number }[]
  diskHeld: boolean
  /** Everything it has applied since its start. */
  applied: Entry<string>[]
}

export type Step = typeof step<string>

export interface ClusterOptions {
  readonly raft?: Partial<Omit<RaftOptions, 'self' | 'configuration'>>
  /** Called for every effect, as it is produced. */
  readonly onEffect?: (peer: PeerId, effect: RaftEffect<string>) => void
  readonly onDeliver?: (letter: Letter) => void
}

export const scriptedTiming = {
  heartbeatMs: 50,
  electionTimeoutMs: [150, 300],
  rankStepMs: 10,
  maxEntriesPerAppend: 3,
  maxInflightAppends: 4,
} as const satisfies Omit<RaftOptions, 'self' | 'configuration'>

/** Far more rounds than any script needs: a loop in the protocol must end the test, not hang it. */
const maxStabilizeRounds = 200

export class ScriptedCluster {
  readonly peers = new Map<PeerId, ScriptedPeer>()
  /** In flight, oldest first. */
  wire: Letter[] = []
  /** Links as `from->to` on which everything is lost. */
  readonly cut = new Set<string>()
  readonly #options: ClusterOptions

  constructor(ids: readonly PeerId[], options: ClusterOptions = {}) {
    this.#options = options
    for (const id of ids) {
      const disk: Disk = { hardState: { term: 0, votedFor: null }, entries: [] }
      this.peers.set(id, {
        id,
        raft: createRaft(
          { ...scriptedTiming, ...options.raft, self: id, configuration: { voters: ids } },
          disk,
        ),
        alive: true,
        disk,
        writes: [],
        gated: [],
        diskHeld: false,
        applied: [],
      })
    }
    for (const id of ids) this.input(id, { type: 'start' })
  }

  peer(id: PeerId): ScriptedPeer {
    const peer = this.peers.get(id)
    if (peer === undefined)
      throw new RangeError(`no peer '${id}' in this scenario: ${[...this.peers.keys()].join(' ')}`)
    return peer
  }

  input(id: PeerId, input: RaftInput<string>): RaftEffect<string>[] {
    const peer = this.peer(id)
    if (!peer.alive) throw new RangeError(`'${id}' is crashed; restart it first`)
    const effects = step(peer.raft, input)
    for (const effect of effects) {
      this.#options.onEffect?.(id, effect)
      this.#carryOut(peer, effect)
    }
    return effects
  }

  #carryOut(peer: ScriptedPeer, effect: RaftEffect<string>): void {
    if (effect.type === 'persist') peer.writes.push(effect)
    if (effect.type === 'commit') peer.applied.push(...effect.entries)
    if (effect.type !== 'send') return
    const letter = { from: peer.id, to: effect.to, message: effect.message }
    if (effect.after === undefined) this.wire.push(letter)
    else peer.gated.push({ letter, after: effect.after })
  }

  /** Finishes every write of a peer; true if there was one. */
  persist(id: PeerId): boolean {
    const peer = this.peer(id)
    const { writes } = peer
    const last = writes.at(-1)
    if (last === undefined || !peer.alive) return false
    peer.writes = []
    for (const write of writes) {
      if (write.hardState !== undefined) peer.disk.hardState = write.hardState
      const first = write.entries?.[0]
      if (first !== undefined) peer.disk.entries.splice(first.index - 1, Infinity, ...(write.entries ?? []))
    }
    const isFree = (one: { after: number }): boolean => one.after <= last.sequence
    this.wire.push(...peer.gated.filter(isFree).map(({ letter }) => letter))
    peer.gated = peer.gated.filter((one) => !isFree(one))
    this.input(id, { type: 'persisted', sequence: last.sequence })
    return true
  }

  /** Delivers what is in flight now and matches, not what that brings forth; the rest stays. */
  deliver(matches: (letter: Letter) => boolean = () => true): number {
    const letters = this.wire.filter(matches)
    this.wire = this.wire.filter((letter) => !matches(letter))
    for (const letter of letters) this.#deliverOne(letter)
    return letters.length
  }

  drop(matches: (letter: Letter) => boolean = () => true): Letter[] {
    const lost = this.wire.filter(matches)
    this.wire = this.wire.filter((letter) => !matches(letter))
    return lost
  }

  #deliverOne(letter: Letter): void {
    if (this.cut.has(`${letter.from}->${letter.to}`) || !this.peer(letter.to).alive) return
    this.#options.onDeliver?.(letter)
    this.input(letter.to, { type: 'message', from: letter.from, message: letter.message })
  }

  /** Disks that are not held and all messages, until nothing is left to do. No timer fires. */
  stabilize(): void {
    for (let round = 0; round < maxStabilizeRounds; round += 1) {
      let busy = false
      for (const peer of this.peers.values()) if (!peer.diskHeld && this.persist(peer.id)) busy = true
      if (this.deliver() > 0) busy = true
      if (!busy) return
    }
    throw new RangeError(`not quiet after ${maxStabilizeRounds} rounds`)
  }

  /** Loses everything that is not on the disk, and what waited for it. */
  crash(id: PeerId): void {
    const peer = this.peer(id)
    peer.alive = false
    peer.writes = []
    peer.gated = []
    peer.applied = []
  }

  restart(id: PeerId): void {
    const peer = this.peer(id)
    peer.raft = createRaft(peer.raft.options, peer.disk)
    peer.alive = true
    this.input(id, { type: 'start' })
  }

  /** Both stages of the election timer, so that `id` stands. */
  timeout(id: PeerId): void {
    this.input(id, { type: 'timer', timer: 'election' })
  }
}
