import type { BackendFacts, Exclusivity } from '../../backends/backend.ts'
import type { Scene } from './scene.ts'
import type { FaultHook } from './setup.ts'

/** A case as its theme writes it down. */
export interface CaseDefinition {
  readonly claim: string
  /** `each`: once in every mode the backend supports. @default the first mode it supports */
  readonly mode?: 'each' | Exclusivity
  readonly needs?: readonly FaultHook[]
  /** Why the claim is not made about a backend with such facts; undefined when it is. */
  readonly unless?: (facts: BackendFacts) => string | undefined
  readonly run: (scene: Scene) => Promise<void>
}

export interface Theme {
  readonly theme: string
  readonly cases: readonly CaseDefinition[]
}
