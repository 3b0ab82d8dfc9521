import type { Mutant } from '../src/simulator/mutants/mutant.ts'

export const mutant: Mutant = {
  file: 'election/leadership-base.ts',
  find: `    this.#standing = false
    if (this.#reason !== undefined) return
    this.#reason = this.#deadline.lapse ?? reason
    this.#deadline.remove(this)
    try {
      this.#abort.abort(this.#lossError(this.#reason, cause))
    } finally {
`,
  replace: `    if (this.#reason !== undefined) return
    this.#reason = this.#deadline.lapse ?? reason
    this.#deadline.remove(this)
    try {
      this.#abort.abort(this.#lossError(this.#reason, cause))
    } finally {
      this.#standing = false
`,
  claim: 'The state changes before the event is told: isValid() is false when the signal aborts.',
  source: 'n8n#8401',
}
