/**
 * Sound or not, judged by checks, with some inertia: so many failures in a row to go down, so many successes in a row to
 * come back. One odd check then changes nothing, and something that flickers stays down.
 */
export interface HysteresisOptions {
  /** Failures in a row to go down; a whole number, at least 1. */
  readonly failures: number
  /** Successes in a row to come back; a whole number, at least 1. */
  readonly successes: number
}

/** `unknown`: not checked yet; the first check decides alone. */
export type Soundness = 'unknown' | 'up' | 'down'

export interface Hysteresis {
  readonly is: Soundness
  /** Checks in a row that spoke against `is`. */
  readonly against: number
}

export const unchecked: Hysteresis = { is: 'unknown', against: 0 }

export function afterCheck(state: Hysteresis, ok: boolean, options: HysteresisOptions): Hysteresis {
  switch (state.is) {
    case 'unknown':
      return { is: ok ? 'up' : 'down', against: 0 }
    case 'up':
      if (ok) return { is: 'up', against: 0 }
      return state.against + 1 >= options.failures
        ? { is: 'down', against: 0 }
        : { is: 'up', against: state.against + 1 }
    case 'down':
      if (!ok) return { is: 'down', against: 0 }
      return state.against + 1 >= options.successes
        ? { is: 'up', against: 0 }
        : { is: 'down', against: state.against + 1 }
    default:
      return state.is satisfies never
  }
}
