/** Whose attempt is whose: most events of the API name their campaign by its number only. */
import type { Exclusivity } from '../../../backends/backend.ts'
import type { HistoryEvent } from '../../history.ts'
import { Violated } from '../invariant.ts'

export interface Campaign {
  readonly attempt: number
  readonly process: string
  readonly run: number
  readonly candidate: string
  readonly election: string
  readonly exclusivity: Exclusivity
  readonly since: number
}

export class Campaigns {
  readonly #campaigns = new Map<number, Campaign>()

  begins(event: Extract<HistoryEvent, { type: 'campaign' }>): Campaign {
    const { attempt, process, run, candidate, election, exclusivity, at } = event
    const campaign = { attempt, process, run, candidate, election, exclusivity, since: at }
    this.#campaigns.set(attempt, campaign)
    return campaign
  }

  /** @throws Violated for an attempt that never began: a history that proves nothing. */
  of(attempt: number): Campaign {
    const campaign = this.#campaigns.get(attempt)
    if (campaign === undefined)
      throw new Violated(`the history tells of attempt ${attempt}, which never began`)
    return campaign
  }
}

/** For messages: which process, in which life, as which candidate. */
export function whoIs({ attempt, process, run, candidate }: Campaign): string {
  const as = candidate === process ? '' : ` as ${candidate}`
  return `${process}${as} (run ${run}, attempt ${attempt})`
}
