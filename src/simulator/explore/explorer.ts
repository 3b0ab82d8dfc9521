/** Breadth-first through every state of a model, so that a counterexample is as short as one can be. */
import type { ExploreBounds, Model, Told } from './model.ts'
import { StateStore } from './state-store.ts'

export interface Counterexample {
  readonly invariant: string
  readonly message: string
  readonly steps: readonly Told[]
}

export interface Exploration {
  readonly model: string
  readonly bounds: ExploreBounds
  readonly states: number
  readonly transitions: number
  /** The longest way to a state that is new. */
  readonly depth: number
  /** Every state within the bounds was visited, and no claim was broken. */
  readonly complete: boolean
  readonly wallMs: number
  readonly checked: Readonly<Record<string, number>>
  readonly counterexample: Counterexample | null
}

export interface ExploreLimits {
  /** Stops there, incomplete. @default 50 million */
  readonly maxStates?: number
  /** Monotonic ms, for `wallMs`. */
  readonly now: () => number
  /** Called after every 100,000 states; true stops the search. */
  readonly onProgress?: (progress: { readonly states: number; readonly waiting: number }) => boolean
}

const progressEvery = 100_000

class Broken {
  readonly action: number
  readonly invariant: string
  readonly message: string

  constructor(action: number, invariant: string, message: string) {
    this.action = action
    this.invariant = invariant
    this.message = message
  }
}

export function explore(model: Model, limits: ExploreLimits): Exploration {
  const beganAt = limits.now()
  const { maxStates = 50_000_000 } = limits
  const store = new StateStore(model.width)
  for (const state of model.initial()) store.add(state, -1)
  let transitions = 0
  let depth = 0
  let levelEnd = store.size
  let visited = 0
  let broken: Broken | null = null
  let stopped = false
  const sink = {
    next: (_action: number, state: ArrayLike<number>): void => {
      transitions += 1
      store.add(state, visited)
    },
    broken: (action: number, invariant: string, message: string): void => {
      broken ??= new Broken(action, invariant, message)
    },
  }
  for (; visited < store.size && broken === null && !stopped; visited++) {
    if (visited === levelEnd) {
      depth += 1
      levelEnd = store.size
    }
    model.expand(store.at(visited), sink)
    if (store.size >= maxStates) stopped = true
    if (visited % progressEvery === 0 && visited > 0) {
      const progress = { states: store.size, waiting: store.size - visited }
      if (limits.onProgress?.(progress) === true) stopped = true
    }
  }
  if (broken !== null && model.plain !== undefined) return explore(model.plain(), limits)
  const counterexample = counterexampleOf(model, store, visited - 1, broken)
  return {
    model: model.name,
    bounds: model.bounds(),
    states: store.size,
    transitions,
    depth,
    complete: !stopped && counterexample === null,
    wallMs: limits.now() - beganAt,
    checked: { ...model.checked },
    counterexample,
  }
}

function counterexampleOf(
  model: Model,
  store: StateStore,
  last: number,
  broken: Broken | null,
): Counterexample | null {
  if (broken === null) return null
  const steps: Told[] = [...model.tell(store.at(last), broken.action)]
  for (let child = last, parent = store.parentOf(last); parent !== -1; parent = store.parentOf(parent)) {
    steps.unshift(...model.tell(store.at(parent), actionBetween(model, store, parent, child)))
    child = parent
  }
  return { invariant: broken.invariant, message: broken.message, steps }
}

/** Actions are not kept: the one that led to a state is found again by doing them all. */
function actionBetween(model: Model, store: StateStore, parent: number, child: number): number {
  const wanted = store.at(child)
  let found = -1
  model.expand(store.at(parent), {
    next: (action, state) => {
      if (found === -1 && wanted.every((word, place) => word === state[place])) found = action
    },
    broken: () => undefined,
  })
  return found
}
