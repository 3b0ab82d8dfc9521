import { describe, expect, it } from 'vitest'
import type { ProcessIdentity, Start } from '../seams/storage.ts'
import type { PeerRecord } from './messages.ts'
import { PeerIdentities } from './tcp-identity.ts'
import { ShownStarts } from './tcp-starts.ts'

const identitiesOf = (): PeerIdentities => new PeerIdentities([], () => undefined, 100)

/** `earlier`: the runs of the starts right before this one, the newest first. */
const shown = (
  storageId: string,
  incarnation: number,
  run: string,
  ...earlier: string[]
): ProcessIdentity => ({
  storageId,
  incarnation,
  run,
  earlier: earlier.map((one, index) => ({ incarnation: incarnation - 1 - index, run: one })).toReversed(),
})

let runs = 0
/** A data folder: opened by one process after the other, and perhaps copied. */
class Folder {
  readonly #starts: Start[]

  constructor(starts: readonly Start[] = []) {
    this.#starts = [...starts]
  }

  open(): ProcessIdentity {
    const earlier = [...this.#starts]
    const start = { incarnation: earlier.length + 1, run: `run ${++runs}` }
    this.#starts.push(start)
    return { storageId: 'disk', ...start, earlier }
  }

  openTimes(times: number): ProcessIdentity {
    for (let i = 1; i < times; i++) this.open()
    return this.open()
  }

  copy(): Folder {
    return new Folder(this.#starts)
  }
}

/** One process, as far as handshakes are concerned. */
class Process {
  readonly #name: string
  readonly #starts: ShownStarts
  readonly #identities: PeerIdentities

  constructor(name: string, identity: ProcessIdentity, remembered: readonly PeerRecord[] = []) {
    this.#name = name
    this.#starts = new ShownStarts(identity)
    this.#identities = new PeerIdentities(remembered, () => undefined, 100)
  }

  /** Whether each let the other in; the other hears the hello first, as over TCP. */
  dials(other: Process): boolean {
    other.#starts.asked(this.#name, this.#identities.seen(other.#name))
    const hello = other.#identities.admit(this.#name, this.#starts.shownTo(other.#name), 1e9, false)
    if (hello.is === 'refused') return false
    const welcome = this.#identities.admit(other.#name, other.#starts.shownTo(this.#name), 1e9, false)
    return welcome.is !== 'refused'
  }
}

describe('PeerIdentities', () => {
  it('admits the same process again, and a restart on the same data', () => {
    const identities = identitiesOf()
    expect(identities.admit('b', shown('disk', 3, 'x'), 0, false)).toEqual({ is: 'new', first: true })
    expect(identities.admit('b', shown('disk', 3, 'x'), 1, false)).toEqual({ is: 'same' })
    expect(identities.admit('b', shown('disk', 4, 'y', 'x'), 2, false)).toEqual({ is: 'new', first: false })
  })

  it('refuses a lower start, and an equal one of another process, for ever', () => {
    const identities = identitiesOf()
    identities.admit('b', shown('disk', 3, 'x'), 0, false)
    expect(identities.admit('b', shown('disk', 2, 'y'), 1e9, false).is).toBe('refused')
    expect(identities.admit('b', shown('disk', 3, 'y'), 1e9, false).is).toBe('refused')
    expect(identities.admit('b', shown('disk', 3, 'x'), 1e9, false).is).toBe('same')
  })

  it('refuses what looks like a restart while the first process is heard on a connection: one of them is a copy', () => {
    const identities = identitiesOf()
    identities.admit('b', shown('disk', 3, 'x'), 0, false)
    const beside = identities.admit('b', shown('disk', 4, 'y', 'x'), 100, true)
    expect(beside).toEqual({ is: 'refused', message: expect.stringContaining('is a copy') })
    expect(identities.admit('b', shown('disk', 3, 'x'), 100, true)).toEqual({ is: 'same' })
    // A connection that nobody ended, because the whole machine went, must not keep the restart out for long.
    expect(identities.admit('b', shown('disk', 4, 'y', 'x'), 2101, true)).toEqual({ is: 'new', first: false })
  })

  it('refuses other data under a known id for ever, also after a restart of its own', () => {
    const written: PeerRecord[] = []
    const identities = new PeerIdentities([], (record) => written.push(record), 100)
    identities.admit('b', shown('disk', 3, 'x'), 0, false)
    expect(identities.admit('b', shown('other', 1, 'y'), 1e9, false)).toEqual({
      is: 'refused',
      message: expect.stringContaining('Give it back its folder'),
    })
    const restarted = new PeerIdentities(written, () => undefined, 100)
    expect(restarted.admit('b', shown('other', 9, 'y'), 0, false).is).toBe('refused')
    expect(restarted.admit('b', shown('disk', 2, 'y'), 0, false).is).toBe('refused')
    expect(restarted.admit('b', shown('disk', 3, 'x'), 0, false).is).toBe('same')
    expect(restarted.admit('b', shown('disk', 4, 'z', 'x'), 0, false)).toEqual({ is: 'new', first: false })
  })

  it('writes down each new process once', () => {
    const written: PeerRecord[] = []
    const identities = new PeerIdentities([], (record) => written.push(record), 100)
    identities.admit('b', shown('disk', 3, 'x'), 0, false)
    identities.admit('b', shown('disk', 3, 'x'), 1, false)
    identities.admit('b', shown('disk', 2, 'w'), 2, false)
    identities.admit('b', shown('disk', 4, 'y', 'x'), 3, false)
    expect(written).toEqual([
      { peer: 'b', storageId: 'disk', incarnation: 3, run: 'x' },
      { peer: 'b', storageId: 'disk', incarnation: 4, run: 'y' },
    ])
  })

  it('keeps a second process out while the first may still run, and slow heartbeats make that longer', () => {
    for (const [heartbeatMs, liveMs] of [
      [50, 2000],
      [500, 2500],
    ] as const) {
      const identities = new PeerIdentities([], () => undefined, heartbeatMs)
      identities.admit('b', shown('disk', 3, 'x'), 0, false)
      identities.heard('b', 1000)
      const next = shown('disk', 4, 'y', 'x')
      expect(identities.admit('b', next, 1000 + liveMs, true).is, `${heartbeatMs}`).toBe('refused')
      expect(identities.admit('b', next, 1001 + liveMs, true).is, `${heartbeatMs}`).toBe('new')
    }
  })

  it('keeps peers apart', () => {
    const identities = identitiesOf()
    identities.admit('b', shown('disk', 3, 'x'), 0, false)
    expect(identities.admit('c', shown('disk', 1, 'y'), 0, false)).toEqual({ is: 'new', first: true })
  })

  it('refuses a restored folder however often it is started, and the way out is told', () => {
    const identities = identitiesOf()
    const folder = new Folder()
    folder.openTimes(3)
    const backup = folder.copy()
    identities.admit('b', folder.openTimes(2), 0, false)
    for (let start = 4; start <= 103; start++) {
      const identity = backup.open()
      expect(identity.incarnation).toBe(start)
      // However much of it is shown, and to whoever remembers it from a file.
      for (const earlier of [identity.earlier, identity.earlier.slice(-32), []]) {
        expect(identities.admit('b', { ...identity, earlier }, 1e9, false).is).toBe('refused')
      }
      const told = identities.admit('b', identity, 1e9, false)
      expect(told).toMatchObject({ message: expect.stringContaining('restored or copied') })
      expect(told).toMatchObject({ message: expect.stringContaining('Give it back its folder') })
    }
    // And its own folder is let in all the while.
    expect(identities.admit('b', folder.open(), 1e9, false).is).toBe('new')
  })

  it('refuses the start of a crash that was counted twice: one number, two processes', () => {
    const identities = identitiesOf()
    const folder = new Folder()
    const lost = folder.copy()
    identities.admit('b', folder.open(), 0, false)
    lost.open()
    expect(identities.admit('b', lost.open(), 1e9, false).is).toBe('refused')
  })
})

describe('a start that both sides saw too long ago for one handshake', () => {
  const remembering = (peer: string, { storageId, incarnation, run }: ProcessIdentity): PeerRecord[] => [
    { peer, storageId, incarnation, run },
  ]

  it('is asked for by the hello, and shown in the next one', () => {
    const [ours, theirs] = [new Folder(), new Folder()]
    const [a, b] = [ours.open(), theirs.open()]
    const one = new Process('a', ours.openTimes(1000), remembering('b', b))
    const other = new Process('b', theirs.openTimes(1000), remembering('a', a))
    expect(one.dials(other)).toBe(false)
    expect(other.dials(one)).toBe(true)
    expect(one.dials(other)).toBe(true)
  })

  it('lets no restored folder in', () => {
    const folder = new Folder()
    const backup = folder.copy()
    const remembered = remembering('b', folder.open())
    const watch = new Folder().open()
    for (const times of [1, 2, 40, 60]) {
      const restored = new Process('b', backup.openTimes(times))
      const other = new Process('a', watch, remembered)
      for (let i = 0; i < 3; i++) {
        expect(other.dials(restored)).toBe(false)
        expect(restored.dials(other)).toBe(false)
      }
    }
  })

  it('is shown to nobody else, and fits a hello with the newest 32', () => {
    const folder = new Folder()
    folder.openTimes(99)
    const starts = new ShownStarts(folder.open())
    const numbers = (peer: string) => starts.shownTo(peer).earlier.map(({ incarnation }) => incarnation)
    const newest = Array.from({ length: 32 }, (_, index) => 68 + index)
    expect(numbers('a')).toEqual(newest)
    starts.asked('a', 5)
    expect(numbers('a')).toEqual([5, ...newest])
    expect(numbers('c')).toEqual(newest)
    // What it has not been through, or shows anyway, adds nothing.
    for (const seen of [0, 100, 1e6, 99, null]) {
      starts.asked('a', seen)
      expect(numbers('a')).toEqual(newest)
    }
  })
})
