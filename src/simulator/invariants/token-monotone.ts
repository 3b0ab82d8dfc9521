/**
 * Tokens grow (S2). Who campaigns after somebody was elected gets a greater token, in both modes. In time mode, where
 * nobody is told before every older leadership is past, the news of elections arrive in the order of the tokens too.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type Checker, type Invariant } from './invariant.ts'
import { Campaigns, whoIs, type Campaign } from './models/campaigns.ts'

export const tokenMonotone: Invariant = {
  name: 'token-monotone',
  claim:
    'A leadership has a greater token than each that was known before its campaign began; in time mode than each ' +
    'that was elected before (S2).',
  types: ['campaign', 'elected'],
  check: () => new TokenMonotone(),
}

interface Newest {
  readonly token: bigint
  readonly owner: Campaign
  readonly at: number
}

class TokenMonotone implements Checker {
  evaluations = 0
  readonly #campaigns = new Campaigns()
  /** By election. */
  readonly #newest = new Map<string, Newest>()
  /** By attempt, what was the newest when it began. */
  readonly #before = new Map<number, Newest>()

  observe(event: HistoryEvent): void {
    if (event.type === 'campaign') {
      this.#campaigns.begins(event)
      const newest = this.#newest.get(event.election)
      if (newest !== undefined) this.#before.set(event.attempt, newest)
    }
    if (event.type === 'elected') this.#elected(event)
  }

  #elected({ attempt, token, at }: Extract<HistoryEvent, { type: 'elected' }>): void {
    const owner = this.#campaigns.of(attempt)
    const newest = this.#newest.get(owner.election)
    const floor = owner.exclusivity === 'time' ? newest : this.#before.get(attempt)
    this.#before.delete(attempt)
    if (floor !== undefined) {
      this.evaluations += 1
      ensure(token > floor.token, () => {
        const earlier = `${whoIs(floor.owner)} had ${floor.token} at ${floor.at}`
        return `tokens of '${owner.election}' do not grow: ${earlier}, ${whoIs(owner)} has ${token} at ${at}`
      })
    }
    if (newest === undefined || token > newest.token) this.#newest.set(owner.election, { token, owner, at })
  }
}
