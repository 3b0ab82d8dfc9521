/**
 * A whole cluster, its candidates and its observers under random faults on virtual time, and the oracle: tokens are
 * unique; in time mode no two candidates find their leadership valid at one instant of true time, and tokens grow;
 * observers never go back. Once faults end, every election is led, everybody who waits gets its turn, every peer that
 * was told to stop has stopped, and observers know the truth.
 */
import type { RaftSession } from '../backends/raft-session.ts'
import { holderValidityMs } from '../lease/deadline.ts'
import { raftWorld, stand, type RaftWorld } from './raft-world.ts'
import { seededRandom } from './seeded-random.ts'

const elections = [
  { name: 'time', exclusivity: 'time' },
  { name: 'time too', exclusivity: 'time' },
  { name: 'token', exclusivity: 'token' },
] as const
type Election = (typeof elections)[number]

/** A candidate with a session of its own, in the process of a peer or as a client. */
interface Actor {
  readonly id: string
  readonly peer: string | undefined
  readonly session: RaftSession
  /** By election, what its observer was told last. */
  readonly told: Map<string, string>
}

interface Standing {
  readonly actor: Actor
  readonly election: Election
  readonly record: ReturnType<typeof stand>
  seen: bigint | null
}

export class RaftChaos {
  readonly world: RaftWorld
  readonly #seed: number
  readonly #random: ReturnType<typeof seededRandom>
  readonly #peers: readonly string[]
  readonly #clients: readonly string[]
  readonly #actors = new Set<Actor>()
  #standing: Standing[] = []
  /** Peers that were told to stop, and have not. */
  readonly #stopping = new Set<string>()
  /** Peers whose next write fails. */
  readonly #failing = new Set<string>()
  readonly #tokens = new Set<string>()
  readonly #newest = new Map<string, bigint>()
  readonly #story: string[] = []

  constructor(seed: number) {
    this.#seed = seed
    this.#random = seededRandom(seed * 7919)
    this.#peers = ['a', 'b', 'c', 'd', 'e'].slice(0, this.#roll(2) === 0 ? 3 : 5)
    this.#clients = ['x', 'y', 'z'].slice(0, this.#roll(4))
    const drift = (): number => (this.#random.next() * 2 - 1) * 0.0009
    const rates = new Map([...this.#peers, ...this.#clients].map((id) => [id, 1 + drift()]))
    this.world = raftWorld({
      peers: this.#peers,
      seed,
      // Leases far above the time that silence takes to be noticed, so that only the voters' promise holds a successor back.
      timing: { heartbeatMs: 50, electionTimeoutMs: [150, 300], leaseMs: 150 + this.#roll(4) * 200 },
      delayMs: [0.1, 0.2 + this.#random.next() * 8],
      writeMs: this.#random.next() * 3,
      rateOf: (id) => rates.get(id) ?? 1,
    })
    for (const id of this.#peers) this.#breakClockInEndlessTurn(id)
  }

  async run(steps: number): Promise<void> {
    await this.world.start()
    for (const id of [...this.#peers, ...this.#clients]) this.#join(id, this.#peerOf(id))
    await this.#pass(600)
    for (let step = 0; step < steps; step++) {
      await this.#fault()
      await this.#pass(20 + this.#roll(250))
      this.#standAgain()
    }
    await this.#heal()
    await this.#untilAllAreLed()
    await this.#untilAllHaveLed()
    await this.#pass(1000)
    for (const { id, told } of this.#actors) {
      for (const [election, state] of told) {
        if (state !== 'vacant') this.#fail(`the observer of ${election} at ${id} believes: ${state}`)
      }
    }
  }

  // ---- faults ---------------------------------------------------------------------------------------------------

  async #fault(): Promise<void> {
    const { network } = this.world
    const peer = this.#oneOf(this.#peers)
    const other = this.#oneOf(this.#peers)
    const process = this.#oneOf([...this.#peers, ...this.#clients])
    const actor = this.#oneOf([...this.#actors])
    const leader = this.#standing.find((one) => one.record.token !== null)
    switch (this.#roll(18)) {
      case 0:
      case 1:
        if (this.#stopping.has(process)) return
        if (!this.#isUp(process)) return this.#restart(process)
        this.#kill(process)
        // Back before the leases are over that it had promised to honour.
        if (this.#roll(2) === 0) await this.#restart(process)
        return
      case 2: {
        // Mostly whoever leads: alive, believing, and heard by nobody.
        const believer = this.#standing.find((one) => this.#isValid(one))?.actor.peer
        return this.#did(`isolate ${believer ?? peer}`, () => network.isolate(believer ?? peer))
      }
      case 3:
        return this.#did(`cut ${peer}>${other}`, () => peer !== other && network.cut(peer, other))
      case 4:
        return this.#did(`cut clients of ${peer}`, () =>
          this.#roll(2) === 0 ? network.cut('client', peer) : network.cut(peer, 'client'),
        )
      case 5:
        return this.#did('heal', () => network.heal())
      case 6:
        return this.#did(`reset ${peer}>${other}`, () => peer !== other && network.reset(peer, other))
      case 7:
        return network.loss(this.#roll(3) * 0.1)
      case 8:
        if (leader === undefined) return
        return this.#did(`${leader.actor.id} leaves ${leader.election.name}`, () => {
          this.#leave(leader)
          this.#enter(leader.actor, leader.election)
        })
      case 9: {
        const target = this.#oneOf(this.#standing.filter((one) => one.election === leader?.election))
        if (leader === undefined || target === undefined || target === leader) return
        return this.#did(`${leader.actor.id} hands ${leader.election.name} to ${target.actor.id}`, () => {
          void leader.record.candidacy.transfer(target.actor.id, {})
        })
      }
      case 10:
        return this.#did(`the disk of ${peer} hangs`, () => this.world.disks.get(peer)?.hold())
      case 11:
        return this.#did('disks go on', () => this.#releaseDisks())
      case 12:
        if (!this.#isUp(peer) || this.#roll(3) > 0) return
        return this.#did(`the disk of ${peer} fails`, () => {
          this.#failing.add(peer)
          this.world.disks.get(peer)?.fail(new Error('the disk is broken'))
        })
      case 13:
        if (this.#isUp(peer)) this.#stop(peer)
        return
      case 14:
        return this.#freeze(process)
      case 15:
        if (actor === undefined) return
        this.#close(actor)
        if (this.#isUp(actor.peer ?? actor.id) && this.#roll(2) === 0) this.#join(actor.id, actor.peer)
        return
      case 16:
        if (!this.#isUp(peer) || process === peer || this.#actors.size > 9) return
        return this.#did(`${process} stands at ${peer} as well`, () => this.#join(process, peer))
      default:
        if (leader !== undefined) void leader.record.candidacy.proclaim({ now: 'changed' }, {})
    }
  }

  #kill(process: string): void {
    this.#note(`kill ${process}`)
    this.#stopping.delete(process)
    this.#failing.delete(process)
    this.world.disks.get(process)?.release()
    if (this.#peers.includes(process)) this.world.crash(process, { keep: this.#roll(3) })
    for (const actor of this.#actorsIn(process)) {
      this.#forget(actor)
      // A client has no peer whose end would silence it.
      if (actor.peer === undefined) void actor.session.close({ signal: AbortSignal.abort() })
    }
  }

  async #restart(process: string): Promise<void> {
    this.#note(`start ${process}`)
    if (this.#peers.includes(process)) await this.world.start(process)
    this.#join(process, this.#peerOf(process))
  }

  /** In order, and all at once: sessions close while the Raft leader hands over. */
  #stop(id: string): void {
    this.#note(`stop ${id}`)
    for (const actor of this.#actorsIn(id)) this.#close(actor)
    this.#stopping.add(id)
    const peer = this.world.peers.get(id)
    void peer?.close().then(() => {
      if (this.world.peers.get(id) === peer) this.world.crash(id)
      this.#stopping.delete(id)
    })
  }

  async #freeze(process: string): Promise<void> {
    const how = this.#roll(2) === 0 ? 'stallAsync' : 'suspendAsync'
    const ms = 20 + this.#roll(600)
    const alone = this.#peers.includes(process) && this.#roll(2) === 0
    this.#note(`${how} ${process} for ${ms} ms${alone ? ', unheard' : ''}`)
    if (alone) this.world.network.isolate(process)
    for (let passed = 0; passed < ms; passed++) {
      await this.world.clockOf(process)[how](1)
      this.#check()
    }
    if (alone) this.world.network.heal()
  }

  #close(actor: Actor): void {
    this.#note(`close the session of ${actor.id}`)
    this.#forget(actor)
    void actor.session.close({})
  }

  #releaseDisks(): void {
    for (const disk of this.world.disks.values()) disk.release()
  }

  // ---- candidates -----------------------------------------------------------------------------------------------

  #join(id: string, peer: string | undefined): void {
    const session = this.world.session(id, peer)
    session.opened({}).catch(() => undefined)
    const actor: Actor = { id, peer, session, told: new Map() }
    this.#actors.add(actor)
    for (const election of elections) {
      this.#enter(actor, election)
      this.#observe(actor, election.name)
    }
  }

  #enter(actor: Actor, election: Election): void {
    const { name, exclusivity } = election
    const record = stand(actor.session, name, { exclusivity, priority: this.#roll(2) })
    this.#standing.push({ actor, election, record, seen: null })
  }

  #observe({ id, session, told }: Actor, election: string): void {
    let newest = -1n
    told.set(election, 'nothing')
    session.observe(election, {
      led: ({ id: leader, token }) => {
        if (token < newest) this.#fail(`the observer of ${election} at ${id} went back to ${token}`)
        newest = token
        told.set(election, `led by ${leader} with ${token}`)
      },
      vacant: () => told.set(election, 'vacant'),
      unknown: () => told.set(election, 'unknown'),
    })
  }

  #leave(one: Standing): void {
    this.#standing = this.#standing.filter((rest) => rest !== one)
    void one.record.candidacy.leave({})
  }

  /** Whoever lost, or was refused, tries again; a peer that stopped by itself is as good as dead. */
  #standAgain(): void {
    for (const [id, { failure }] of this.world.peers) if (failure !== undefined) this.#kill(id)
    for (const one of this.#standing.filter(({ record }) => record.ended !== null)) {
      this.#standing = this.#standing.filter((rest) => rest !== one)
      this.#enter(one.actor, one.election)
    }
  }

  #forget(actor: Actor): void {
    this.#actors.delete(actor)
    this.#standing = this.#standing.filter((one) => one.actor !== actor)
  }

  #actorsIn(process: string): Actor[] {
    return [...this.#actors].filter(({ id, peer }) => (peer ?? id) === process)
  }

  #isUp(process: string): boolean {
    if (this.#peers.includes(process)) return this.world.peers.has(process) && !this.#stopping.has(process)
    return this.#actorsIn(process).length > 0
  }

  #peerOf(process: string): string | undefined {
    return this.#peers.includes(process) ? process : undefined
  }

  /** Else a turn that never ends would hang the test run; so it stops the peer, which is a failure told by name. */
  #breakClockInEndlessTurn(id: string): void {
    const clock = this.world.clockOf(id)
    const lower = clock.lower.bind(clock)
    let at = -1
    let readings = 0
    clock.lower = () => {
      const now = lower()
      readings = now === at ? readings + 1 : 0
      at = now
      if (readings > 100_000) this.#fail(`a turn of ${id} does not end`)
      return now
    }
  }

  // ---- the oracle -----------------------------------------------------------------------------------------------

  async #pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed++) {
      await this.world.advance(1)
      this.#check()
    }
  }

  #isValid({ actor, election, record: { token, renewal } }: Standing): boolean {
    if (election.exclusivity !== 'time' || token === null || renewal === null) return false
    const elapsedMs = this.world.clockOf(actor.peer ?? actor.id).elapsedMs(renewal.sentAt)
    return elapsedMs < holderValidityMs(renewal.grantedMs, this.world.timing)
  }

  #check(): void {
    for (const one of this.#standing) {
      const { token } = one.record
      if (token === null || token === one.seen) continue
      one.seen = token
      this.#won(one, token)
    }
    for (const election of elections) {
      const leaders = this.#standing.filter((one) => one.election === election && this.#isValid(one))
      if (leaders.length > 1)
        this.#fail(`${leaders.map(({ actor }) => actor.id).join(' and ')} both lead ${election.name}`)
    }
    const broken = this.world.failures.find(({ during }) => /step|delivery|message of peer/.test(during))
    if (broken !== undefined) this.#fail(`${broken.during}: ${String(broken.error)}`)
  }

  #won({ actor, election: { name, exclusivity } }: Standing, token: bigint): void {
    this.#note(`${actor.id} leads ${name} with ${token}`)
    const key = `${name} ${token}`
    if (this.#tokens.has(key)) this.#fail(`token ${key} twice`)
    this.#tokens.add(key)
    if (exclusivity === 'token') return
    if (token <= (this.#newest.get(name) ?? 0n)) this.#fail(`token ${key} after a greater one`)
    this.#newest.set(name, token)
  }

  async #heal(): Promise<void> {
    const { network, timing } = this.world
    this.#note('healed for good')
    network.heal()
    network.loss(0)
    this.#releaseDisks()
    await this.#pass(timing.leaseMs + 1000)
    if (this.#stopping.size > 0) this.#fail(`${[...this.#stopping].join()} did not stop`)
    this.#standAgain()
    for (const id of [...this.#failing]) this.#kill(id)
    for (const id of this.#peers) if (!this.#isUp(id)) await this.#restart(id)
  }

  async #untilAllAreLed(): Promise<void> {
    const isLed = (election: Election): boolean =>
      this.#standing.some((one) => one.election === election && one.record.token !== null)
    for (let patience = 0; !elections.every(isLed); patience++) {
      if (patience === 50) this.#fail('no leader 5 s after the last fault')
      await this.#pass(100)
      this.#standAgain()
    }
    await this.#pass(500)
  }

  /** Nobody is forgotten: each leader leaves for the next, until nobody stands. */
  async #untilAllHaveLed(): Promise<void> {
    for (let patience = 0; this.#standing.length > 0; patience++) {
      if (patience === 100) {
        const waiting = this.#standing.map(({ actor, election }) => `${actor.id} for ${election.name}`)
        this.#fail(`wait for ever: ${waiting.join()}`)
      }
      this.#standing = this.#standing.filter(({ record }) => record.ended === null)
      for (const one of this.#standing.filter(({ record }) => record.token !== null)) this.#leave(one)
      await this.#pass(60)
    }
  }

  #did(what: string, act: () => unknown): void {
    this.#note(what)
    act()
  }

  #note(line: string): void {
    this.#story.push(`${this.world.clock.trueMs().toFixed(0)} ${line}`)
  }

  #fail(what: string): never {
    throw new Error(`${what}, seed ${this.#seed}\n${this.#story.join('\n')}`)
  }

  #roll(below: number): number {
    return Math.floor(this.#random.next() * below)
  }

  #oneOf<T>(items: readonly T[]): T
  #oneOf<T>(items: readonly T[]): T | undefined {
    return items[this.#roll(items.length)]
  }
}
