/**
 * Durable before visible (DESIGN §3.2): collects what one turn wants written into one append, and holds back every
 * send that waits for it. The cores number their persist effects; this room alone knows which write carried which.
 */
import type { Clock } from '../seams/clock.ts'
import type { Storage } from '../seams/storage.ts'

/** Which core a persist number belongs to: each numbers its own. */
export type Room = (typeof allRooms)[number]

const allRooms = ['raft', 'support', 'engine'] as const

interface Gate {
  readonly after: number
  readonly release: () => void
}

interface RoomState {
  /** Persist number of the newest write that is on disk. */
  durable: number
  /** Newest persist number handed in and not yet part of an append. */
  pending: number | null
  readonly gates: Gate[]
}

export interface DiskQueueEvents {
  /** Called once per completed append and room, after the gates were opened. */
  persisted(room: Room, sequence: number): void
  /** How long an append took. */
  wrote(ms: number): void
  failed(error: unknown): void
}

export class DiskQueue<Record> {
  readonly #storage: Storage<Record>
  readonly #clock: Clock
  readonly #events: DiskQueueEvents
  /** Runs what the disk reports inside the driver's turn. */
  readonly #enqueue: (task: () => void) => void
  readonly #rooms: { readonly [room in Room]: RoomState } = {
    raft: { durable: 0, pending: null, gates: [] },
    support: { durable: 0, pending: null, gates: [] },
    engine: { durable: 0, pending: null, gates: [] },
  }
  #batch: Record[] = []
  #failed = false
  /** Appends that have not been acknowledged. */
  #outstanding = 0

  constructor(
    storage: Storage<Record>,
    clock: Clock,
    enqueue: (task: () => void) => void,
    events: DiskQueueEvents,
  ) {
    this.#storage = storage
    this.#clock = clock
    this.#enqueue = enqueue
    this.#events = events
  }

  get busy(): boolean {
    return this.#outstanding > 0
  }

  write(room: Room, sequence: number, records: readonly Record[]): void {
    this.#batch.push(...records)
    this.#rooms[room].pending = sequence
  }

  /** Something that nobody waits for. */
  note(record: Record): void {
    this.#batch.push(record)
  }

  /** Runs `release` once persist number `after` of `room` is durable; at once if it is. */
  gate(room: Room, after: number, release: () => void): void {
    const state = this.#rooms[room]
    if (after <= state.durable) release()
    else if (!this.#failed) state.gates.push({ after, release })
  }

  /** One append for everything since the last flush; called at the end of each turn. */
  flush(): void {
    if (this.#batch.length === 0 || this.#failed) return
    const batch = this.#batch
    this.#batch = []
    const marks: [Room, number][] = []
    for (const room of allRooms) {
      const { pending } = this.#rooms[room]
      if (pending !== null) marks.push([room, pending])
      this.#rooms[room].pending = null
    }
    this.#outstanding++
    const since = this.#clock.lower()
    this.#storage.append(batch, (error) =>
      this.#enqueue(() => {
        this.#events.wrote(this.#clock.lower() - since)
        this.#done(marks, error)
      }),
    )
  }

  #done(marks: readonly (readonly [Room, number])[], error: unknown): void {
    this.#outstanding--
    if (this.#failed) return
    if (error !== undefined) {
      // After a failed fsync nobody knows what is on disk: no gate opens any more (algorithms.md §2.2).
      this.#failed = true
      for (const room of allRooms) this.#rooms[room].gates.length = 0
      this.#events.failed(error)
      return
    }
    for (const [room, sequence] of marks) {
      const state = this.#rooms[room]
      state.durable = sequence
      let open = 0
      while (open < state.gates.length && (state.gates[open] as Gate).after <= sequence) open++
      for (const gate of state.gates.splice(0, open)) gate.release()
      this.#events.persisted(room, sequence)
    }
  }
}
