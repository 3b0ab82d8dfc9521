/**
 * The oracle over what several processes told of one election: what must never be, however they were killed, paused
 * and restarted. Instants are of one clock.
 */
import type { CandidateProcess } from './candidate-process.ts'

export interface Grant {
  readonly by: string
  readonly token: bigint
  /** When its campaign began. */
  readonly since: number
  /** When it was acknowledged: `campaign()` had resolved. */
  readonly at: number
  /** Up to which instant its holder believed in it, at least. */
  readonly until: number
}

/** In the order in which they were acknowledged. */
export function grantsOf(processes: readonly CandidateProcess[], election: string): Grant[] {
  const grants: Grant[] = []
  for (const process of processes) {
    const open = new Map<string, { grant: Grant }>()
    for (const line of process.lines) {
      if (!('election' in line) || line.election !== election) continue
      if (line.is === 'granted') {
        const { token, since, at, until } = line
        open.set(token, { grant: { by: process.id, token: BigInt(token), since, at, until } })
      }
      const held = 'token' in line ? open.get(line.token) : undefined
      if (held === undefined) continue
      if (line.is === 'renewed') held.grant = { ...held.grant, until: line.until }
      else if (line.is === 'resigns' || line.is === 'lost') {
        held.grant = { ...held.grant, until: Math.min(held.grant.until, line.at) }
      }
    }
    grants.push(...[...open.values()].map(({ grant }) => grant))
  }
  return grants.toSorted((a, b) => a.at - b.at)
}

/** Every way in which the history breaks a promise, as sentences; empty: none. */
export function breaches(grants: readonly Grant[], exclusivity: 'time' | 'token'): string[] {
  return [...tokenBreaches(grants), ...(exclusivity === 'time' ? overlaps(grants) : [])]
}

/** No token twice, and none below one that was acknowledged before its campaign began. */
function tokenBreaches(grants: readonly Grant[]): string[] {
  const found: string[] = []
  for (const [index, later] of grants.entries()) {
    for (const earlier of grants.slice(0, index)) {
      if (later.token === earlier.token) found.push(`${show(later)} has the token of ${show(earlier)}`)
      else if (later.token < earlier.token && later.since > earlier.at) {
        found.push(`${show(later)} goes back behind ${show(earlier)}`)
      }
    }
  }
  return found
}

/** Time mode: nobody is told that it leads while another still believes; so tokens grow in that order too. */
function overlaps(grants: readonly Grant[]): string[] {
  const found: string[] = []
  let last: Grant | undefined
  for (const next of grants) {
    if (last !== undefined && next.at < last.until) {
      found.push(`${show(next)} overlaps ${show(last)} by ${(last.until - next.at).toFixed(3)} ms`)
    }
    if (last !== undefined && next.token < last.token) found.push(`${show(next)} comes after ${show(last)}`)
    if (last === undefined || next.until > last.until) last = next
  }
  return found
}

function show({ by, token, at, until }: Grant): string {
  return `token ${token} of ${by} (${at.toFixed(3)} to ${until.toFixed(3)})`
}
