import { grantorSilenceMs, holderValidityMs } from './deadline.ts'
import type { Timing } from './timing-rules.ts'

/** What a timing means for its user. Round trips and disk writes come on top of every takeover, in ms. */
export interface TimingFigures {
  /** The longest loss of contact that surely ends no leadership: validity - 2 heartbeats (one before, one after). */
  readonly toleratedOutageMs: number
  /** The longest stall of the holder's event loop that surely ends no leadership: validity - 1 heartbeat. */
  readonly toleratedStallMs: number
  /** The rate error of a clock, as a ratio, within which two leaderships never overlap: rho. */
  readonly toleratedDrift: number
  /**
   * The longest that an election stays without a leader after its leader and the Raft leader died together, if the
   * next vote is not split. `time`: the voters' silence or the longest election timeout, whichever ends last (they run
   * at once), then one heartbeat until the new Raft leader asks for withdrawals. `token`: the silence of 2.5
   * heartbeats that counts as evidence of death; a refused reconnect is faster.
   */
  readonly worstTakeoverMs: { readonly time: number; readonly token: number }
}

/** DESIGN §4.2: silence of this many heartbeats is evidence of death in token mode. */
const SUSPICION_HEARTBEATS = 2.5

/** Derives what a (sound) timing tolerates and costs. */
export function deriveFigures(timing: Timing): TimingFigures {
  const { heartbeatMs, leaseMs, maxClockDrift, tickMs } = timing
  const validityMs = holderValidityMs(leaseMs, timing)
  const silenceMs = grantorSilenceMs(leaseMs, timing)
  return {
    toleratedOutageMs: validityMs - 2 * heartbeatMs,
    toleratedStallMs: validityMs - heartbeatMs,
    toleratedDrift: maxClockDrift,
    worstTakeoverMs: {
      time: Math.max(silenceMs, timing.electionTimeoutMs[1]) + heartbeatMs,
      token: SUSPICION_HEARTBEATS * heartbeatMs * (1 + maxClockDrift) + tickMs,
    },
  }
}

/** The derived figures as lines to print. */
export function formatFigures(timing: Timing): string {
  const figures = deriveFigures(timing)
  const rows: readonly (readonly [string, string])[] = [
    ['tolerated outage', ms(figures.toleratedOutageMs)],
    ['tolerated stall of the event loop', ms(figures.toleratedStallMs)],
    ['tolerated clock drift', `${Number((figures.toleratedDrift * 100).toPrecision(3))} %`],
    ['worst takeover, time mode', `${ms(figures.worstTakeoverMs.time)} + round trips`],
    ['worst takeover, token mode', `${ms(figures.worstTakeoverMs.token)} + round trips`],
  ]
  const width = Math.max(...rows.map(([label]) => label.length))
  return rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`).join('\n')
}

function ms(value: number): string {
  return `${Math.round(value)} ms`
}
