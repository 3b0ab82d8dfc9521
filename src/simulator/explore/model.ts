/** What can be explored to its end: a world of which every state is a few whole numbers. */

export interface ExploreBounds {
  readonly peers: number
  readonly terms: number
  /** The most different messages that were on their way in one history; each in any number of copies, in any order. */
  readonly messages: number
  readonly crashes: number
}

/** One line of a counterexample: what one participant did, and what came of it. */
export interface Told {
  readonly actor: string
  readonly text: string
}

/** Takes what a model finds. A model calls it, in any order, and keeps no reference to `state`. */
export interface Sink {
  next(action: number, state: ArrayLike<number>): void
  /** The step breaks a claim; `claim` names it, with its source. */
  broken(action: number, invariant: string, message: string): void
}

export interface Model {
  readonly name: string
  readonly actors: readonly string[]
  /** Numbers in a state; each a whole number of 0 to 2^31 - 1. */
  readonly width: number
  initial(): readonly (readonly number[])[]
  /** Every step that is possible in a state. */
  expand(state: Int32Array, sink: Sink): void
  /** Present if states are taken for one another: the same model without that, to tell a counterexample in one tongue. */
  readonly plain?: () => Model
  /** What happens in such a step, for people. */
  tell(state: Int32Array, action: number): readonly Told[]
  /** Asked once, after everything was explored. */
  bounds(): ExploreBounds
  /** How often each claim was put to the test: 0 would prove nothing. */
  readonly checked: Readonly<Record<string, number>>
}
