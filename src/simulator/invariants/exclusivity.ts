/**
 * Time mode: one at a time, in true time (S3). A leadership is valid from the instant it is elected, and once it is
 * not, never again; so two overlap exactly if one is valid when the other begins. Readings by the application are
 * checked too, in case something that was over comes back.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type CheckContext, type Checker, type Invariant } from './invariant.ts'
import { Campaigns, whoIs } from './models/campaigns.ts'

export const exclusivity: Invariant = {
  name: 'exclusivity',
  claim:
    'In time mode no two leaderships of one election are valid at one instant of true time (S3, DESIGN §2).',
  types: ['campaign', 'elected', 'checked'],
  check: (context) => new Exclusivity(context),
}

class Exclusivity implements Checker {
  evaluations = 0
  readonly #context: CheckContext
  readonly #campaigns = new Campaigns()
  /** Elections that were led before. */
  readonly #led = new Set<string>()
  readonly #tokens = new Map<number, bigint>()

  constructor(context: CheckContext) {
    this.#context = context
  }

  observe(event: HistoryEvent): void {
    if (event.type === 'campaign') this.#campaigns.begins(event)
    if (event.type === 'elected') this.#tokens.set(event.attempt, event.token)
    if ((event.type === 'elected' || event.type === 'checked') && event.valid) this.#alone(event)
  }

  #alone({ type, attempt, at }: Extract<HistoryEvent, { type: 'elected' | 'checked' }>): void {
    const campaign = this.#campaigns.of(attempt)
    const { election } = campaign
    if (campaign.exclusivity !== 'time') return
    if (type === 'elected') {
      // The first of all has nobody to overlap with.
      if (this.#led.has(election)) this.evaluations += 1
      this.#led.add(election)
    }
    for (const other of this.#context.leaderships()) {
      if (other.election !== election || other.attempt === attempt || other.exclusivity !== 'time') continue
      ensure(!other.isValid(), () => {
        const older = `${other.process} as ${other.candidate} (attempt ${other.attempt}, token ${other.token})`
        const mine = `${whoIs(campaign)} with token ${this.#tokens.get(attempt)}`
        return `'${election}' has two valid leaderships at ${at}: ${older} and ${mine}`
      })
    }
  }
}
