import { describe, expect, it } from 'vitest'
import { isMandateError } from '../errors.ts'
import type { LeaseInput } from './machine-types.ts'
import {
  armed,
  foreign,
  free,
  leading,
  machine,
  own,
  SILENCE_MS,
  the,
  types,
  VALIDITY_MS,
} from '../testing/lease-machine.ts'

describe('a candidate', () => {
  it('takes a missing record: one read, one write on that version, won', () => {
    const m = machine()
    expect(m.input({ type: 'start' })).toEqual([{ type: 'read', request: 1, timeoutMs: 300 }])
    expect(m.sees(null, 0)).toEqual([
      {
        type: 'write',
        request: 2,
        expect: 0,
        timeoutMs: 300,
        next: {
          holder: 'a',
          incarnation: 'a1',
          leaseMs: 1_000,
          transitions: 1,
          exclusivity: 'time',
          metadata: { url: 'x' },
        },
      },
    ])
    m.at(40)
    const effects = m.applied(7, 10)
    expect(types(effects)).toEqual(['won', 'arm', 'arm'])
    expect(the(effects, 'won')).toMatchObject({ token: 7n, leaseMs: 1_000, sentAt: { monotonicMs: 10 } })
  })

  it('counts its deadline and its next renewal from before the request, not from the answer', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(null, 0)
    m.at(200)
    const effects = m.applied(1, 50)
    expect(armed(effects, 'deadline')).toEqual([VALIDITY_MS - 150, VALIDITY_MS - 150])
    expect(armed(effects, 'renew')).toEqual([150, 150])
  })

  it('does not win by an answer that came after the deadline, and takes its own record anew', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(null, 0)
    m.at(VALIDITY_MS)
    const late = m.applied(1, 0)
    expect(types(late)).toEqual(['arm'])
    expect(types(m.timer('look'))).toEqual(['read'])
    const again = the(m.sees({ ...own, transitions: 1 }, 1), 'write')
    expect(again).toMatchObject({ expect: 1, next: { transitions: 2 } })
  })

  it('takes a released record at once, whoever held it', () => {
    const m = machine()
    m.input({ type: 'start' })
    expect(the(m.sees(free, 9), 'write')).toMatchObject({ expect: 9, next: { transitions: 5 } })
  })

  it('waits for a foreign record, reads while it waits, and says so once', () => {
    const m = machine()
    m.input({ type: 'start' })
    const effects = m.sees(foreign, 5)
    expect(types(effects)).toEqual(['waiting', 'arm'])
    expect(armed(effects, 'look')).toEqual([240, 360])
    m.at(300)
    expect(types(m.timer('look'))).toEqual(['read'])
    expect(types(m.sees(foreign, 5))).toEqual(['arm'])
  })

  it('takes over exactly the version whose silence it timed, not a moment earlier', () => {
    const m = machine()
    m.at(500)
    m.input({ type: 'start' })
    m.sees(foreign, 5)
    m.at(500 + SILENCE_MS - 0.001)
    expect(types(m.timer('look'))).toEqual(['read'])
    expect(armed(m.sees(foreign, 5), 'look')[1]).toBeCloseTo(0.001, 6)
    m.at(500 + SILENCE_MS)
    expect(the(m.timer('look'), 'write')).toMatchObject({ expect: 5, next: { transitions: 5 } })
  })

  it('times the lease of the record, not its own', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees({ ...foreign, leaseMs: 5_000 }, 5)
    m.at(5_000)
    expect(types(m.timer('look'))).toEqual(['read'])
    m.sees({ ...foreign, leaseMs: 5_000 }, 5)
    m.at(5_051)
    expect(types(m.timer('look'))).toEqual(['write'])
  })

  it('starts to count anew with every version', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(foreign, 5)
    m.at(1_000)
    m.timer('look')
    m.sees(foreign, 6)
    m.at(1_000 + SILENCE_MS - 1)
    expect(types(m.timer('look'))).toEqual(['read'])
  })

  it('assumes its own lease for a record that tells none', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees({ ...foreign, leaseMs: Number.NaN }, 5)
    m.at(SILENCE_MS)
    expect(types(m.timer('look'))).toEqual(['write'])
  })

  it('reads again at once when a watch hints at a change', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(foreign, 5)
    expect(types(m.input({ type: 'hint' }))).toEqual(['disarm', 'read'])
    expect(types(m.input({ type: 'hint' }))).toEqual([])
  })

  it('reads after a conflict, and waits for whoever was faster', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(null, 0)
    expect(types(m.written('conflict'))).toEqual(['read'])
    expect(types(m.sees(foreign, 5))).toEqual(['waiting', 'arm'])
  })

  it('looks up a lost reply before anything else; if the write has not landed it writes on the same version', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(null, 0)
    expect(types(m.written('unknown'))).toEqual(['read'])
    expect(the(m.sees(null, 0), 'write').expect).toBe(0)
    // Attempts keep failing: a pause now, and still a read before the next write.
    expect(types(m.written('unknown'))).toEqual(['arm'])
    expect(types(m.timer('look'))).toEqual(['read'])
  })

  it('does not lead by what a look-up found: it takes its own record anew, with a new token', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(null, 0)
    m.written('unknown')
    const effects = m.sees({ ...own, transitions: 1 }, 1)
    expect(the(effects, 'write')).toMatchObject({ expect: 1, next: { transitions: 2 } })
    expect(the(m.applied(2), 'won').token).toBe(2n)
  })

  it('pauses longer with each failed read, up to two retries, and reports each', () => {
    const m = machine()
    m.input({ type: 'start' })
    const pauses: number[] = []
    for (let failure = 0; failure < 9; failure++) {
      const effects = m.readFails()
      expect(the(effects, 'report').during).toBe('read')
      const [minMs, maxMs] = armed(effects, 'look')
      expect(minMs).toBe(maxMs / 2)
      pauses.push(maxMs)
      expect(types(m.input({ type: 'hint' }))).toEqual([])
      m.timer('look')
    }
    expect(pauses.slice(0, 4)).toEqual([37.5, 75, 150, 300])
    expect(pauses.at(-1)).toBe(600)
  })

  it('waits like any successor for its own id with another incarnation', () => {
    const m = machine()
    m.input({ type: 'start' })
    expect(types(m.sees({ ...own, incarnation: 'a0' }, 5))).toEqual(['waiting', 'arm'])
    m.at(SILENCE_MS)
    expect(the(m.timer('look'), 'write')).toMatchObject({ next: { transitions: 5, incarnation: 'a1' } })
  })

  it('is refused once its own id was seen to renew twice under another incarnation', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees({ ...own, incarnation: 'a0' }, 5)
    m.timer('look')
    expect(types(m.sees({ ...own, incarnation: 'a0' }, 6))).toEqual(['arm'])
    m.timer('look')
    const end = the(m.sees({ ...own, incarnation: 'a0' }, 7), 'ended')
    expect(end.reason).toBe('refused')
    expect(isMandateError(end.cause, 'DUPLICATE_ID')).toBe(true)
  })

  it('is refused by an election of the other exclusivity, naming both', () => {
    const m = machine()
    m.input({ type: 'start' })
    const end = the(m.sees({ ...free, exclusivity: 'token' }, 5), 'ended')
    expect(isMandateError(end.cause, 'INVALID_OPTIONS') && end.cause.details).toEqual({
      option: 'exclusivity',
      value: 'time',
      expected: 'token',
    })
  })

  it('leaves a released record to the preferred candidate for a while, then takes it', () => {
    const m = machine()
    m.input({ type: 'start' })
    expect(armed(m.sees({ ...free, preferred: 'c' }, 5), 'look')).toEqual([240, 300])
    m.at(300)
    expect(types(m.timer('look'))).toEqual(['write'])
    const preferred = machine()
    preferred.input({ type: 'start' })
    expect(types(preferred.sees({ ...free, preferred: 'a' }, 5))).toEqual(['write'])
  })

  it('drops answers to requests that are no longer its own', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(null, 0)
    const stale: LeaseInput<number> = {
      type: 'read-done',
      request: 1,
      outcome: { is: 'read', record: null, version: 0, token: 0n },
    }
    expect(m.input(stale)).toEqual([])
  })
})

describe('a holder', () => {
  it('renews a third into its lease, keeping acquisition and token', () => {
    const m = leading()
    m.at(300)
    const sent = the(m.timer('renew'), 'write')
    expect(sent).toMatchObject({ expect: 1, next: { transitions: 1, holder: 'a' } })
    m.at(350)
    const effects = m.applied(2, 300)
    expect(types(effects)).toEqual(['renewed', 'arm', 'arm'])
    expect(armed(effects, 'deadline')).toEqual([VALIDITY_MS - 50, VALIDITY_MS - 50])
  })

  it('ends at its deadline, also if the answer to a renewal comes right then', () => {
    const m = leading()
    m.at(900)
    m.timer('renew')
    m.at(VALIDITY_MS)
    expect(the(m.applied(2, 900), 'ended').reason).toBe('expired')
    expect(m.phase().is).toBe('over')
  })

  it('waits for the rest when the deadline timer comes early', () => {
    const m = leading()
    m.at(VALIDITY_MS - 3)
    expect(armed(m.timer('deadline'), 'deadline')).toEqual([3, 3])
    m.at(VALIDITY_MS)
    expect(the(m.timer('deadline'), 'ended').reason).toBe('expired')
  })

  it('is lost to a suspend, whatever comes first afterwards', () => {
    const m = leading()
    m.sleep()
    expect(the(m.timer('renew'), 'ended').reason).toBe('suspended')
  })

  it('never lets one request eat the deadline', () => {
    const m = leading()
    m.at(VALIDITY_MS - 40)
    expect(the(m.timer('renew'), 'write').timeoutMs).toBe(40)
  })

  it('reads after a conflict and renews on the version found, if the record is still its own', () => {
    const m = leading()
    m.at(300)
    m.timer('renew')
    expect(types(m.written('conflict'))).toEqual(['read'])
    const effects = m.sees({ ...own, transitions: 1, metadata: { label: 'by an operator' } }, 8)
    expect(the(effects, 'write').expect).toBe(8)
  })

  it('does not move its deadline by a renewal whose reply was lost, even if it landed', () => {
    const m = leading()
    m.at(300)
    m.timer('renew')
    m.at(600)
    expect(types(m.written('unknown'))).toEqual(['read'])
    expect(types(m.sees({ ...own, transitions: 1 }, 2))).toEqual(['write'])
    m.at(VALIDITY_MS)
    expect(the(m.timer('deadline'), 'ended').reason).toBe('expired')
  })

  it.each([
    ['another holder', foreign],
    ['nobody', null],
    ['a release by an operator', { ...free, transitions: 1 }],
    ['its own id after a later acquisition', { ...own, transitions: 2 }],
    ['its own id with another incarnation', { ...own, incarnation: 'a2', transitions: 1 }],
  ])('ends at once when the record shows %s', (_name, record) => {
    const m = leading()
    m.at(100)
    m.input({ type: 'hint' })
    expect(the(m.sees(record, 9), 'ended').reason).toBe('revoked')
  })

  it('answers a hint with a read, and goes on renewing in time', () => {
    const m = leading()
    m.at(100)
    expect(types(m.input({ type: 'hint' }))).toEqual(['read'])
    m.at(120)
    expect(armed(m.sees({ ...own, transitions: 1 }, 1), 'renew')).toEqual([180, 180])
  })

  it('renews at once if the renewal fell due while it read', () => {
    const m = leading()
    m.at(290)
    m.input({ type: 'hint' })
    m.at(310)
    expect(m.timer('renew')).toEqual([])
    expect(armed(m.sees({ ...own, transitions: 1 }, 1), 'renew')).toEqual([0, 0])
  })

  it('keeps trying through rejections until the deadline', () => {
    const m = leading()
    m.at(300)
    m.timer('renew')
    const effects = m.rejected()
    expect(the(effects, 'report').during).toBe('renewal')
    expect(armed(effects, 'renew')).toEqual([18.75, 37.5])
    expect(types(m.timer('renew'))).toEqual(['write'])
  })

  it('keeps looking before it writes while the look-up fails', () => {
    const m = leading()
    m.at(300)
    m.timer('renew')
    m.written('unknown')
    expect(types(m.readFails())).toEqual(['report', 'arm'])
    expect(types(m.timer('renew'))).toEqual(['read'])
  })

  it('proclaims with a write at once, and answers when one that carried it was applied', () => {
    const m = leading()
    m.at(10)
    const sent = the(m.input({ type: 'proclaim', number: 1, metadata: { v: '1' } }), 'write')
    expect(sent.next).toMatchObject({ metadata: { v: '1' }, transitions: 1 })
    expect(m.input({ type: 'proclaim', number: 2, metadata: { v: '2' } })).toEqual([])
    const effects = m.applied(2, 10)
    expect(the(effects, 'proclaimed').upTo).toBe(1)
    expect(the(effects, 'write').next.metadata).toEqual({ v: '2' })
    expect(the(m.applied(3, 10), 'proclaimed').upTo).toBe(2)
  })
})

describe('leaving', () => {
  const released = { ...free, transitions: 1, metadata: {} }

  it('releases the version it holds, and nothing else', () => {
    const m = leading()
    const effects = m.input({ type: 'leave' })
    expect(the(effects, 'write')).toMatchObject({ expect: 1, next: { ...released, leaseMs: 1_000 } })
    expect(types(effects)).not.toContain('ended')
    expect(the(m.applied(2), 'left').result).toBe('left')
  })

  it('waits for the renewal under way, then releases what it wrote', () => {
    const m = leading()
    m.at(300)
    m.timer('renew')
    expect(types(m.input({ type: 'leave' }))).toEqual(['disarm', 'disarm', 'disarm'])
    expect(the(m.applied(2, 300), 'write').expect).toBe(2)
  })

  it('never writes over another holder', () => {
    const m = leading()
    m.input({ type: 'leave' })
    expect(types(m.written('conflict'))).toEqual(['read'])
    expect(the(m.sees(foreign, 9), 'left').result).toBe('was-not-holder')
  })

  it('looks up a release whose reply was lost', () => {
    const landed = leading()
    landed.input({ type: 'leave' })
    landed.written('unknown')
    expect(the(landed.sees(foreign, 9), 'left').result).toBe('left')
    const notLanded = leading()
    notLanded.input({ type: 'leave' })
    notLanded.written('unknown')
    expect(the(notLanded.sees({ ...own, transitions: 1 }, 1), 'write')).toMatchObject({ expect: 1 })
  })

  it('goes without a word to the store when nothing of it can be there', () => {
    const waiting = machine()
    waiting.input({ type: 'start' })
    waiting.sees(foreign, 5)
    expect(the(waiting.input({ type: 'leave' }), 'left').result).toBe('left')
    const beaten = machine()
    beaten.input({ type: 'start' })
    beaten.sees(null, 0)
    beaten.input({ type: 'leave' })
    expect(the(beaten.written('conflict'), 'left').result).toBe('left')
  })

  it('releases a win that arrives after the cancel, without telling of it', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(null, 0)
    m.input({ type: 'leave' })
    const effects = m.applied(1)
    expect(types(effects)).toEqual(['write'])
    expect(the(effects, 'write')).toMatchObject({ expect: 1, next: { holder: '' } })
    expect(the(m.applied(2), 'left').result).toBe('left')
  })

  it('finds and releases a win whose reply was lost', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(null, 0)
    m.input({ type: 'leave' })
    expect(types(m.written('unknown'))).toEqual(['read'])
    expect(the(m.sees({ ...own, transitions: 1 }, 1), 'write')).toMatchObject({
      expect: 1,
      next: { holder: '' },
    })
  })

  it('bars a write that may still land, by a released record on the version it expects', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(null, 0)
    m.written('unknown')
    m.input({ type: 'leave' })
    expect(the(m.sees(null, 0), 'write')).toMatchObject({ expect: 0, next: { holder: '' } })
    expect(the(m.applied(1), 'left').result).toBe('left')
  })

  it('looks for an earlier lost win when the write under way met a conflict', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(null, 0)
    m.written('unknown')
    m.sees(null, 0)
    m.input({ type: 'leave' })
    expect(types(m.written('conflict'))).toEqual(['read'])
    expect(the(m.sees({ ...own, transitions: 1 }, 1), 'write').next.holder).toBe('')
  })

  it('releases a record that it took too late to lead by', () => {
    const m = machine()
    m.input({ type: 'start' })
    m.sees(null, 0)
    m.at(VALIDITY_MS)
    m.applied(1, 0)
    expect(types(m.input({ type: 'leave' }))).toContain('read')
    expect(the(m.sees({ ...own, transitions: 1 }, 1), 'write').next.holder).toBe('')
  })

  it('looks before it releases while the fate of a renewal is open', () => {
    const m = leading()
    m.at(300)
    m.timer('renew')
    m.written('unknown')
    m.readFails()
    expect(types(m.input({ type: 'leave' }))).toEqual(['disarm', 'disarm', 'disarm', 'read'])
  })

  it('gives up with `unknown` when told to, and when expiry has freed the election anyway', () => {
    const told = leading()
    told.input({ type: 'leave' })
    expect(the(told.input({ type: 'give-up' }), 'left').result).toBe('unknown')
    const down = leading()
    down.input({ type: 'leave' })
    down.rejected()
    let tries = 0
    for (let ms = 0; down.phase().is === 'leaving'; ms += 200, tries++) {
      down.at(ms)
      down.timer('look')
      down.readFails()
    }
    expect(tries).toBeGreaterThan(3)
    expect(tries).toBeLessThan(8)
  })

  it('hands over by ending first, then releasing with a wish', () => {
    const m = leading()
    const effects = m.input({ type: 'transfer', to: 'c' })
    expect(effects[0]).toEqual({ type: 'ended', reason: 'transferred' })
    expect(the(effects, 'write').next).toEqual({ ...released, leaseMs: 1_000, preferred: 'c' })
    expect(the(m.applied(2), 'left').result).toBe('left')
  })

  it('refuses a transfer after the deadline as the expiry it is', () => {
    const m = leading()
    m.at(VALIDITY_MS)
    const effects = m.input({ type: 'transfer', to: 'c' })
    expect(the(effects, 'ended').reason).toBe('expired')
    expect(types(effects)).not.toContain('write')
  })
})
