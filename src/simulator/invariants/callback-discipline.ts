/**
 * What an application may rely on (S11, DESIGN §2 "Order of things"): a campaign ends once, elected or not; a leadership
 * is valid when its news arrive; before `lost` resolves its signal has aborted, and before that `isValid()` was false,
 * for ever; and nothing comes after the close.
 */
import type { HistoryEvent } from '../history.ts'
import { ensure, type Checker, type Invariant } from './invariant.ts'
import { Campaigns, whoIs, type Campaign } from './models/campaigns.ts'

export const callbackDiscipline: Invariant = {
  name: 'callback-discipline',
  claim:
    'campaign, then elected or not; elected, aborted, lost in this order and each once; valid from the first and not ' +
    'from the second on; nothing after the close (S11, DESIGN §2).',
  types: ['campaign', 'elected', 'not-elected', 'aborted', 'lost', 'checked', 'closed', 'fault'],
  check: () => new CallbackDiscipline(),
}

type Stage = 'campaigning' | 'elected' | 'aborted' | 'lost' | 'not elected'

interface Story {
  readonly campaign: Campaign
  stage: Stage
  /** A reading said that it is over. */
  isOver: boolean
}

class CallbackDiscipline implements Checker {
  evaluations = 0
  readonly #campaigns = new Campaigns()
  readonly #stories = new Map<number, Story>()
  /** Of one candidate in one run and election, the leadership that is not lost. */
  readonly #leading = new Map<string, Story>()
  /** When each process went on that had stood in the middle of an event. */
  readonly #wentOn = new Map<string, number>()
  /** Candidates that were closed, each in one run. */
  readonly #closed = new Set<string>()

  observe(event: HistoryEvent): void {
    switch (event.type) {
      case 'campaign': {
        const campaign = this.#campaigns.begins(event)
        ensure(!this.#stories.has(event.attempt), () => `attempt ${event.attempt} begins twice`)
        this.#stories.set(event.attempt, { campaign, stage: 'campaigning', isOver: false })
        return
      }
      case 'elected':
        return this.#elected(event)
      case 'not-elected':
        this.#moves(event, 'not elected', 'campaigning')
        return
      case 'aborted': {
        const story = this.#moves(event, 'aborted', 'elected')
        ensure(!event.valid, () => `${whoIs(story.campaign)} is valid in its abort listener at ${event.at}`)
        story.isOver = true
        return
      }
      case 'lost': {
        const story = this.#moves(event, 'lost', 'aborted')
        ensure(
          event.aborted,
          () => `${whoIs(story.campaign)}: lost before the signal aborted, at ${event.at}`,
        )
        this.#leading.delete(placeOf(story.campaign))
        return
      }
      case 'checked':
        return this.#checked(event)
      case 'fault':
        if (event.fault === 'goes on') this.#wentOn.set(event.process, event.at)
        return
      case 'closed':
        this.#closed.add(`${event.process} ${event.run} ${event.candidate}`)
        return
      default:
    }
  }

  #elected(event: Extract<HistoryEvent, { type: 'elected' }>): void {
    const story = this.#moves(event, 'elected', 'campaigning')
    const { campaign } = story
    // Between the news and the first look at the clock any time may pass: `isValid()` tells, and nothing else could.
    ensure(
      event.valid || this.#wentOn.get(event.process) === event.at,
      () => `${whoIs(campaign)} is elected with ${event.token} at ${event.at}, and not valid`,
    )
    const other = this.#leading.get(placeOf(campaign))
    ensure(other === undefined, () => {
      const older = other === undefined ? '' : whoIs(other.campaign)
      return `${whoIs(campaign)} is elected in '${campaign.election}' at ${event.at} before ${older} was told of its loss`
    })
    this.#leading.set(placeOf(campaign), story)
  }

  #checked({ attempt, valid, at }: Extract<HistoryEvent, { type: 'checked' }>): void {
    const story = this.#stories.get(attempt)
    if (story === undefined || story.stage === 'campaigning') return
    this.evaluations += 1
    ensure(
      !(valid && story.isOver),
      () => `${whoIs(story.campaign)} is valid again at ${at}, after it was over`,
    )
    if (!valid) story.isOver = true
  }

  #moves(event: Extract<HistoryEvent, { attempt: number }>, to: Stage, from: Stage): Story {
    const campaign = this.#campaigns.of(event.attempt)
    const story = this.#stories.get(event.attempt) ?? { campaign, stage: 'campaigning', isOver: false }
    this.evaluations += 1
    ensure(story.stage === from, () => {
      return `${whoIs(campaign)} in '${campaign.election}' is ${to} at ${event.at}, but it was ${story.stage}`
    })
    const { process, run, candidate } = campaign
    ensure(!this.#closed.has(`${process} ${run} ${candidate}`), () => {
      return `${whoIs(campaign)} is ${to} at ${event.at}, after ${candidate} was closed`
    })
    story.stage = to
    return story
  }
}

function placeOf({ process, run, candidate, election }: Campaign): string {
  return `${process} ${run} ${candidate} ${election}`
}
