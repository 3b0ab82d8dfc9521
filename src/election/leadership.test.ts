import { describe, expect, it } from 'vitest'
import { createElection } from './election.ts'
import type { Leadership } from './leadership.ts'
import { isMandateError } from '../errors.ts'
import { ScriptedArbiter, settle } from '../testing/election-stage.ts'

/** Of a lease of 1000 ms a holder counts 1000 * (1 - 0.001) - 1. */
const VALID_MS = 998

async function leading(arbiter = new ScriptedArbiter()) {
  const election = createElection({ name: 'billing', backend: arbiter.backend })
  const campaign = election.campaign()
  await arbiter.clock.advanceAsync(0)
  const { candidacy } = arbiter
  candidacy.win(7n)
  const leadership = await campaign
  return { arbiter, election, candidacy, leadership, clock: arbiter.clock }
}

/** What was seen, in order, as a leadership ends. */
function journal(leadership: Leadership): string[] {
  const seen: string[] = []
  leadership.signal.addEventListener('abort', () => seen.push(`abort, valid ${leadership.isValid()}`))
  void leadership.lost.then((reason) => seen.push(`lost ${reason}, aborted ${leadership.signal.aborted}`))
  return seen
}

describe('the deadline', () => {
  it('is counted from before the request was sent, not from the answer (redlock#299, #283)', async () => {
    const arbiter = new ScriptedArbiter()
    const { clock } = arbiter
    const campaign = createElection({ name: 'billing', backend: arbiter.backend }).campaign()
    await clock.advanceAsync(0)
    const renewal = arbiter.candidacy.renewal()
    clock.advance(700)
    arbiter.candidacy.win(1n, renewal)
    const leadership = await campaign
    expect(leadership.remainingMs()).toBe(VALID_MS - 700)
    clock.advance(VALID_MS - 700 - 0.5)
    expect(leadership.isValid()).toBe(true)
    clock.advance(0.5)
    expect(leadership.isValid()).toBe(false)
    expect(leadership.remainingMs()).toBe(0)
  })

  it('moves with a renewal, and never back with one that was sent earlier', async () => {
    const { clock, candidacy, leadership } = await leading()
    const early = candidacy.renewal()
    clock.advance(400)
    candidacy.on.renewed(candidacy.renewal())
    candidacy.on.renewed(early)
    expect(leadership.remainingMs()).toBe(VALID_MS)
  })

  it('that passed is final: a renewal that was granted in time revives nothing', async () => {
    const { clock, candidacy, leadership } = await leading()
    const seen = journal(leadership)
    clock.advance(900)
    const late = candidacy.renewal()
    clock.stall(500)
    expect(leadership.isValid()).toBe(false)
    candidacy.on.renewed(late)
    expect(leadership.isValid()).toBe(false)
    await clock.advanceAsync(0)
    expect(seen).toEqual(['abort, valid false', 'lost expired, aborted true'])
  })

  it('ends the leadership in the first timer phase after a stall, before queued packets are read', async () => {
    const { clock, candidacy, leadership } = await leading()
    const seen = journal(leadership)
    clock.advance(900)
    const late = candidacy.renewal()
    clock.afterPoll(() => {
      seen.push('packet read')
      candidacy.on.renewed(late)
    })
    await clock.stallAsync(500)
    await clock.advanceAsync(0)
    expect(seen).toEqual(['abort, valid false', 'lost expired, aborted true', 'packet read'])
  })

  it('wakes nobody who asks: isValid() is false first, the signal aborts in the next timer phase', async () => {
    const { clock, leadership } = await leading()
    clock.stall(5000)
    expect(leadership.isValid()).toBe(false)
    expect(leadership.signal.aborted).toBe(false)
    await clock.advanceAsync(0)
    expect(leadership.signal.aborted).toBe(true)
  })

  it('is taken for passed after a suspend, however short, with reason suspended', async () => {
    const { clock, leadership } = await leading()
    clock.suspend(200)
    expect(leadership.isValid()).toBe(false)
    await clock.advanceAsync(0)
    expect(await leadership.lost).toBe('suspended')
  })

  it('is seen to have passed in a suspend by the next renewal, if nobody asks', async () => {
    const { clock, candidacy, leadership } = await leading()
    clock.suspend(200)
    candidacy.on.renewed(candidacy.renewal())
    expect(leadership.signal.aborted).toBe(true)
    expect(await leadership.lost).toBe('suspended')
  })

  it('may have passed when the wall clock stepped forward; a step back changes nothing', async () => {
    const { clock, leadership } = await leading()
    clock.stepWall(-3_600_000)
    expect(leadership.isValid()).toBe(true)
    clock.stepWall(7_200_000)
    expect(leadership.isValid()).toBe(false)
    clock.stepWall(-7_200_000)
    expect(leadership.isValid()).toBe(false)
    await clock.advanceAsync(0)
    expect(await leadership.lost).toBe('suspended')
  })
})

describe('the order of an end', () => {
  it('by the backend: isValid(), then the signal, then lost', async () => {
    const { candidacy, leadership } = await leading()
    const seen = journal(leadership)
    candidacy.on.ended({ reason: 'superseded' })
    expect(seen).toEqual(['abort, valid false'])
    await Promise.resolve()
    expect(seen).toEqual(['abort, valid false', 'lost superseded, aborted true'])
    expect(candidacy.calls).toEqual([])
  })

  it('by resign(): all that before the arbiter is told (n8n#8401)', async () => {
    const { candidacy, leadership } = await leading()
    const seen = journal(leadership)
    candidacy.leaves = () => {
      seen.push('arbiter told')
      return Promise.resolve('left')
    }
    await leadership.resign()
    expect(seen).toEqual(['abort, valid false', 'lost resigned, aborted true', 'arbiter told'])
  })

  it('by the deadline: the arbiter is told too, so that it is free before its expiry', async () => {
    const { clock, candidacy, leadership } = await leading()
    await clock.advanceAsync(1000)
    expect(await leadership.lost).toBe('expired')
    expect(candidacy.calls).toEqual(['leave'])
  })

  it('holds when an abort listener throws, and the other listeners hear of it', async () => {
    const { candidacy, leadership } = await leading()
    const uncaught = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    const thrown = new Promise((resolve) => process.once('uncaughtException', resolve))
    leadership.signal.addEventListener('abort', () => {
      throw new Error('a bug of the listener')
    })
    const seen = journal(leadership)
    candidacy.on.ended({ reason: 'revoked' })
    expect(await leadership.lost).toBe('revoked')
    expect(seen).toEqual(['abort, valid false', 'lost revoked, aborted true'])
    expect(String(await thrown)).toContain('a bug of the listener')
    for (const listener of uncaught) process.on('uncaughtException', listener)
  })

  it('keeps the reason that was true first, whoever brings the news', async () => {
    const { clock, candidacy, leadership } = await leading()
    clock.suspend(200)
    expect(leadership.isValid()).toBe(false)
    candidacy.on.ended({ reason: 'session-lost' })
    expect(await leadership.lost).toBe('suspended')
  })

  it('leaves no timer', async () => {
    const { clock, leadership, election } = await leading()
    expect(clock.pendingTimers()).toBe(1)
    await leadership.resign()
    expect(clock.pendingTimers()).toBe(0)
    await election.close()
  })

  it('is the same once: what comes afterwards changes neither reason nor order', async () => {
    const { candidacy, leadership } = await leading()
    const seen = journal(leadership)
    candidacy.on.ended({ reason: 'expired' })
    candidacy.on.ended({ reason: 'revoked' })
    candidacy.on.renewed(candidacy.renewal())
    await leadership.resign()
    expect(seen).toEqual(['abort, valid false', 'lost expired, aborted true'])
    expect(leadership.isValid()).toBe(false)
  })
})

describe('resign() (S9)', () => {
  it('resolves after the release, and again when called again', async () => {
    const { candidacy, leadership } = await leading()
    let release = (): void => undefined
    candidacy.leaves = () => new Promise((resolve) => (release = () => resolve('left')))
    let resigned = 0
    const both = [leadership.resign().then(() => resigned++), leadership.resign().then(() => resigned++)]
    await Promise.resolve()
    expect(leadership.isValid()).toBe(false)
    expect(resigned).toBe(0)
    await Promise.resolve()
    release()
    await Promise.all(both)
    expect(candidacy.calls).toEqual(['leave'])
  })

  it('that races a loss resolves and tells the reason that came first', async () => {
    const { candidacy, leadership } = await leading()
    const resigning = leadership.resign()
    candidacy.on.ended({ reason: 'session-lost' })
    await resigning
    expect(await leadership.lost).toBe('resigned')
  })

  it('resolves when the arbiter does not answer or fails, and reports that', async () => {
    for (const leaves of [
      () => Promise.resolve('unknown' as const),
      () => Promise.reject(new Error('broken')),
    ]) {
      const { arbiter, candidacy, leadership } = await leading()
      candidacy.leaves = leaves
      await leadership.resign()
      expect(arbiter.reports).toHaveLength(1)
      expect(arbiter.reports[0]?.during).toBe(`release of election 'billing'`)
    }
  })

  it('is what asyncDispose does', async () => {
    const { candidacy, leadership } = await leading()
    await leadership[Symbol.asyncDispose]()
    expect(await leadership.lost).toBe('resigned')
    expect(candidacy.calls).toEqual(['leave'])
  })
})

describe('transfer() (S12)', () => {
  it('ends it first also when it is found to be over: refused, and told before that', async () => {
    const { leadership, clock } = await leading()
    const seen = journal(leadership)
    clock.stall(2000)
    expect(await leadership.transfer('you')).toBe('refused')
    expect(seen).toEqual(['abort, valid false', 'lost expired, aborted true'])
  })

  it('ends the leadership before the arbiter is asked', async () => {
    const { candidacy, leadership } = await leading()
    const seen = journal(leadership)
    candidacy.transfers = () => {
      seen.push('arbiter asked')
      candidacy.on.ended({ reason: 'transferred' })
      return Promise.resolve('done')
    }
    expect(await leadership.transfer('you')).toBe('done')
    expect(seen).toEqual(['abort, valid false', 'lost transferred, aborted true', 'arbiter asked'])
    expect(candidacy.calls).toEqual(['transfer you'])
  })

  it('that is refused or unanswered releases, so that nobody holds it unknowing', async () => {
    for (const is of ['refused', 'unknown'] as const) {
      const { candidacy, leadership } = await leading()
      candidacy.transfers = () => Promise.resolve(is)
      expect(await leadership.transfer('you')).toBe(is)
      await leadership.resign()
      expect(candidacy.calls).toEqual(['transfer you', 'leave'])
    }
  })

  it('to itself, to nobody or on a backend without it changes nothing', async () => {
    const { leadership } = await leading()
    await expect(leadership.transfer('me')).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    await expect(leadership.transfer('')).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    expect(leadership.isValid()).toBe(true)
    const without = await leading(new ScriptedArbiter({ transfer: 'none', proclaim: false }))
    await expect(without.leadership.transfer('you')).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    await expect(without.leadership.proclaim({})).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    expect(without.leadership.isValid()).toBe(true)
  })

  it('of a leadership that is over is refused without asking', async () => {
    const { candidacy, leadership } = await leading()
    candidacy.on.ended({ reason: 'expired' })
    expect(await leadership.transfer('you')).toBe('refused')
    expect(candidacy.calls).toEqual([])
  })
})

describe('what it says of itself', () => {
  it('goes through JSON with its token as a decimal string', async () => {
    const { leadership } = await leading()
    expect(JSON.parse(JSON.stringify({ leadership }))).toEqual({
      leadership: {
        election: 'billing',
        candidateId: 'me',
        token: '7',
        tokenScope: 'scripted',
        exclusivity: 'time',
        valid: true,
        remainingMs: VALID_MS,
      },
    })
  })

  it('assertValid() throws what was lost and why, and the signal aborts with the same', async () => {
    const { candidacy, leadership } = await leading()
    leadership.assertValid()
    candidacy.on.ended({ reason: 'health-check', cause: 'disk' })
    expect(() => leadership.assertValid()).toThrow(
      /no longer leads election 'billing' \(token 7\): health-check/,
    )
    const reason: unknown = leadership.signal.reason
    expect(isMandateError(reason, 'LEADERSHIP_LOST')).toBe(true)
    expect(reason).toMatchObject({
      details: { election: 'billing', token: '7', reason: 'health-check' },
      cause: 'disk',
    })
  })

  it('proclaims a checked copy, and nothing once it is over', async () => {
    const { candidacy, leadership, clock } = await leading()
    expect(await settle(clock, leadership.proclaim({ address: 'a:1' }))).toBe('done')
    await expect(leadership.proclaim({ size: 1 } as never)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' })
    await expect(leadership.proclaim({ note: 'x'.repeat(5000) })).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
    })
    candidacy.on.ended({ reason: 'expired' })
    expect(await leadership.proclaim({})).toBe('was-not-holder')
    expect(candidacy.calls).toEqual(['proclaim {"address":"a:1"}'])
  })
})
