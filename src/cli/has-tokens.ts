import type { Backend, Guarantee } from '../backends/backend.ts'

/** False for an advisory backend, whose leaders have ranks. */
export function hasTokens(backend: Backend<Guarantee>): backend is Backend {
  return backend.facts.guarantee === 'linearizable'
}
