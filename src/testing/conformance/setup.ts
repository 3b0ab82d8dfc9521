import type { Backend, BackendFacts, Guarantee } from '../../backends/backend.ts'

/**
 * A way to hurt or to look into a world. A world that lacks one says so, with the reason, in `ConformanceSetup.absent`;
 * the cases that need it are then reported as skipped, never silently left out.
 */
export type FaultHook =
  | 'crash'
  | 'restartArbiter'
  | 'cut'
  | 'loseNextReply'
  | 'delayReplies'
  | 'evidence'
  | 'openHandles'

/** One arbiter and the processes around it, fresh for every case. */
export interface ConformanceWorld<Its extends Guarantee = 'linearizable'> {
  /**
   * A backend as a process of its own sees it: its own connections, its own incarnation. Called twice with one id it
   * gives two processes that claim the same id. The suite opens sessions on it with `id` as the candidate id.
   */
  candidate(id: string): Promise<Backend<Its>>
  /**
   * Lets the world run until `condition` holds. Resolves `false` when it did not within `withinMs` of the world's own
   * clock. A virtual clock goes in small steps; real time polls. `condition` is cheap. The suite never asks for two
   * waits (`settle`, `advance`) at a time.
   */
  settle(condition: () => boolean, withinMs: number): Promise<boolean>
  /** Lets `ms` of the world's clock pass for every process. */
  advance(ms: number): Promise<void>
  /** The process dies without a word: nothing it holds is released, nothing of it is called again. */
  crash?(backend: Backend<Its>): void | Promise<void>
  /** The arbiter stops and comes back with what it had stored durably, and nothing else. */
  restartArbiter?(): void | Promise<void>
  /** Nothing passes between this process and the arbiter, in either direction, until `heal`. */
  cut?(backend: Backend<Its>): void | Promise<void>
  heal?(backend: Backend<Its>): void | Promise<void>
  /** The next request of this process takes effect at the arbiter, and its reply never arrives. */
  loseNextReply?(backend: Backend<Its>): void | Promise<void>
  /** Every reply to this process arrives `ms` late from now on; its requests do not. */
  delayReplies?(backend: Backend<Its>, ms: number): void | Promise<void>
  /** The arbiter gets evidence that the process of this candidate id is dead, though it need not be. */
  evidence?(id: string): void | Promise<void>
  /** What the living processes of this world still keep open, one line a timer, socket or worker. */
  openHandles?(): readonly string[]
  /** Ends the arbiter and everything else. Called once, at the end of every case. */
  close(): Promise<void>
}

/** A deviation that the backend's documentation owns up to. */
export interface DeclaredSkip {
  /** The full name of a case, or its name without the mode in brackets to skip it in every mode. */
  readonly case: string
  readonly reason: string
}

export interface ConformanceSetup<Its extends Guarantee = 'linearizable'> {
  /** What the report calls the backend. */
  readonly name: string
  /** What the documentation of the backend promises; compared with what it declares at run time. */
  readonly facts: BackendFacts<Its>
  /** Why a fault hook is missing from the worlds of `create`. */
  readonly absent?: Partial<Record<FaultHook, string>>
  readonly skip?: readonly DeclaredSkip[]
  /**
   * The lease of most sessions, in ms.
   * @default the larger of 1000 and twice `facts.limits.minLeaseMs`
   */
  readonly leaseMs?: number
  /**
   * How long anything may take that waits for no lease, in ms of the world's clock.
   * @default 10000
   */
  readonly patienceMs?: number
  /**
   * How long after its holder fell silent an election may stay taken, in ms.
   * @default 3 * leaseMs + patienceMs
   */
  readonly expiryMs?: number
  create(): Promise<ConformanceWorld<Its>>
}

/** One claim about a backend. */
export interface ConformanceCase {
  /** States the claim; unique in the suite. */
  readonly name: string
  readonly theme: string
  /** Why the case is not run against this backend; undefined when it is. */
  readonly skipped: string | undefined
  /** Rejects with what was expected and what was found. */
  run(): Promise<void>
}
