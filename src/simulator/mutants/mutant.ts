/**
 * A planted bug: one change of one file of `src/`, made in a copy. The files in the top-level folder `mutants/` hold
 * one each, and the file's name is the bug's.
 */
export interface Mutant {
  /** Relative to `src/`. */
  readonly file: string
  /** Occurs exactly once in the file, or the mutant is out of date. */
  readonly find: string
  readonly replace: string
  /** The sentence that is not true any more. */
  readonly claim: string
  /** Where the bug was seen, or the rule stated. */
  readonly source: string
}

export interface NamedMutant extends Mutant {
  readonly name: string
}
