import type { Cancellable, OperatorWish, SessionShare } from '../backends/backend.ts'
import type { HealthWatch } from './health.ts'
import type { HeldLeadershipBase } from './leadership-base.ts'
import type { ElectionSettings } from './options.ts'
import { Standing } from './standing.ts'
import type { Outcome } from './standing.ts'
import { backOffMs, cancelled, isTransient, linkSignals, orAborted, pause } from './waiting.ts'
import { MandateError } from '../errors.ts'
import { publish } from '../observability/channels.ts'

/** Before standing again after a candidacy that ended without anybody's wish, in ms. */
const AGAIN_FIRST_MS = 100
const AGAIN_MAX_MS = 5000

export interface CampaignOptions extends Cancellable {
  /**
   * Called when an operator asks the leadership to end (`mandate resign`, `mandate transfer`), at most once, instead of
   * ending it at once: stop what runs under it, then call `resign()`, or `transfer(to)` where `to` is not null.
   * @default it ends at once, as by those calls: `signal` aborts, then it is released
   */
  readonly onAsked?: ((wish: OperatorWish) => void) | undefined
}

/** The place from which one candidate stands: one candidacy at a time, on one session. */
export interface Seat {
  readonly settings: ElectionSettings
  /** Null: always healthy. */
  readonly health: HealthWatch | null
  /** The session to stand on: the present one, or one that is opened now. */
  session(signal: AbortSignal): Promise<SessionShare>
  /** The present session is lost: the next that is asked for is a new one. */
  dropSession(): void
  /** The candidacy that stood last. */
  standing: Standing | undefined
}

export interface Won {
  readonly standing: Standing
  readonly leadership: HeldLeadershipBase
}

/**
 * Stands until it wins. A candidacy that ends before its win, or with one that had run out when it came, is stood
 * again. Once the first session was open, an arbiter that cannot be reached is waited for. Who is unhealthy does not stand.
 * @throws CANCELLED after whatever may have been won is released; the error of a refusal; that of the first open
 */
export async function stand(
  seat: Seat,
  signal: AbortSignal,
  onAsked?: CampaignOptions['onAsked'],
): Promise<Won> {
  const { env } = seat.settings.backend
  let stood = false
  for (let attempt = 1; ; attempt++) {
    // Two candidacies of one session in one election would be told apart by nobody.
    await orAborted(seat.standing?.release() ?? Promise.resolve(), signal)
    if (seat.standing?.lostSession === true) seat.dropSession()
    await seat.health?.untilHealthy(signal)
    const share = await openSession(seat, signal, stood)
    if (share !== undefined) {
      stood = true
      const won = await standOnce(seat, share, { signal, onAsked })
      if (won !== undefined) return won
    }
    await pause(env.clock, backOffMs(env.random, attempt, AGAIN_FIRST_MS, AGAIN_MAX_MS), signal)
  }
}

async function openSession(
  seat: Seat,
  signal: AbortSignal,
  waits: boolean,
): Promise<SessionShare | undefined> {
  const { name, backend } = seat.settings
  if (signal.aborted) throw cancelled(`the campaign for '${name}'`, signal)
  try {
    return await seat.session(signal)
  } catch (error) {
    if (signal.aborted) throw cancelled(`the campaign for '${name}'`, signal)
    if (!waits || !isTransient(error)) throw error
    backend.env.report({ during: `campaign for '${name}'`, error })
    return undefined
  }
}

/** Undefined: it ended, but standing again may help. */
async function standOnce(
  seat: Seat,
  share: SessionShare,
  { signal, onAsked }: CampaignOptions & { readonly signal: AbortSignal },
): Promise<Won | undefined> {
  const { name, candidateId } = seat.settings
  publish('mandate:campaign', () => ({ election: name, candidateId }))
  const standing = new Standing(seat.settings, share.session, onAsked)
  seat.standing = standing
  const outcome = await outcomeWhileHealthy(standing, signal, seat.health)
  if (signal.aborted) {
    // A win may be on its way, or here: it is given back before anybody hears of the cancellation.
    await standing.release()
    throw cancelled(`the campaign for '${name}'`, signal)
  }
  if (outcome === undefined) {
    await standing.release()
    return undefined
  }
  if (outcome.is === 'won') {
    const { leadership } = outcome
    if (!leadership.isValid()) {
      leadership.expire()
      return undefined
    }
    leadership.elected(share.session.scope)
    if (seat.health !== null) handOverWhenUnhealthy(seat.health, leadership)
    return { standing, leadership }
  }
  await standing.release()
  if (outcome.reason === 'refused') throw refusal(name, outcome.cause)
  return undefined
}

/** Undefined: cancelled, or unhealthy, whatever had been won. */
async function outcomeWhileHealthy(
  standing: Standing,
  signal: AbortSignal,
  health: HealthWatch | null,
): Promise<Outcome | undefined> {
  if (health === null) return orAborted(standing.outcome, signal)
  const unhealthy = new AbortController()
  const unwatch = health.onceUnhealthy(() => unhealthy.abort())
  const stop = linkSignals([signal, unhealthy.signal])
  try {
    const outcome = await orAborted(standing.outcome, stop.signal)
    return unhealthy.signal.aborted ? undefined : outcome
  } finally {
    stop.unlink()
    unwatch()
  }
}

/** As by a resignation: in `lead()` the work drains first, then the arbiter is told. */
function handOverWhenUnhealthy(health: HealthWatch, leadership: HeldLeadershipBase): void {
  const unused = health.use()
  const unwatch = health.onceUnhealthy(() => leadership.end('unhealthy', health.cause))
  void leadership.lost.then(() => {
    unwatch()
    unused()
  })
}

function refusal(name: string, cause: unknown): Error {
  if (cause instanceof Error) return cause
  const reason = `the backend refused the candidacy in '${name}' without saying why`
  return new MandateError('INTERNAL', reason, { reason }, { cause })
}
