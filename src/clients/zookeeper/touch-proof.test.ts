import { describe, expect, it } from 'vitest'
import { TouchProof, beatTiming, leastRemainingMs } from './touch-proof.ts'

/** Beats by the ms at which they are sent; answered by hand. */
const gapMs = 100

describe('a proof that the ensemble heard of the session', () => {
  it('needs two more answers: one behind the next ping of the leader, one behind the first', () => {
    const proof = new TouchProof<number>(gapMs)
    proof.sent(0, 0)
    expect(proof.acknowledged(10)).toBeUndefined()
    proof.sent(110, 110)
    expect(proof.acknowledged(120)).toBeUndefined()
    proof.sent(121, 121)
    expect(proof.acknowledged(130)).toBe(0)
  })

  it('is no proof while the second was sent too early after the first answer', () => {
    const proof = new TouchProof<number>(gapMs)
    proof.sent(0, 0)
    proof.acknowledged(50)
    // 100 after it was sent, but only 50 after it was answered.
    proof.sent(100, 100)
    proof.acknowledged(101)
    proof.sent(110, 110)
    expect(proof.acknowledged(111)).toBeUndefined()
  })

  it('is no proof while the third was sent before the second was answered', () => {
    const proof = new TouchProof<number>(gapMs)
    proof.sent(0, 0)
    proof.acknowledged(1)
    proof.sent(101, 101)
    proof.sent(102, 102)
    expect(proof.acknowledged(110)).toBeUndefined()
    expect(proof.acknowledged(110)).toBeUndefined()
    proof.sent(110, 110)
    expect(proof.acknowledged(111)).toBe(0)
  })

  it('needs a write, sent no earlier, that a majority took: the leader may have been deposed', () => {
    const proof = new TouchProof<number>(gapMs)
    const beat = (at: number, commits: boolean, isGood = true): number | undefined => {
      proof.sent(at, at, commits)
      return proof.acknowledged(at + 1, isGood)
    }
    expect([beat(0, true), beat(110, false), beat(220, false)]).toEqual([undefined, undefined, 0])
    expect([beat(330, false), beat(440, false)]).toEqual([undefined, undefined])
    // Refused before it was put to the others.
    expect([beat(550, true, false), beat(660, false)]).toEqual([undefined, undefined])
    expect(beat(770, true)).toBe(550)
  })

  it('believes no servers with a tickTime above half of the timeout to ping sooner than they do', () => {
    expect(beatTiming(2000, 2000).pingGapMs).toBeGreaterThan(1000)
    expect(leastRemainingMs(2000, 2000)).toBeGreaterThan(0)
    expect(leastRemainingMs(2000, 4000)).toBeLessThanOrEqual(0)
  })

  it('does not reach across two connections', () => {
    const proof = new TouchProof<number>(gapMs)
    proof.sent(0, 0)
    proof.acknowledged(1)
    proof.sent(101, 101)
    proof.acknowledged(102)
    proof.reset()
    proof.sent(103, 103)
    expect(proof.acknowledged(104)).toBeUndefined()
  })

  it('moves on with every beat, and never back', () => {
    const { beatMs, pingGapMs } = beatTiming(1600, 800)
    const proof = new TouchProof<number>(pingGapMs)
    const proven: number[] = []
    for (let at = 0; at < 20_000; at += beatMs) {
      proof.sent(at, at)
      const since = proof.acknowledged(at + 1)
      if (since !== undefined) proven.push(since)
    }
    expect(proven.length).toBeGreaterThan(180)
    expect(proven).toEqual(proven.toSorted((a, b) => a - b))
    expect(new Set(proven).size).toBe(proven.length)
  })

  it('lags behind the last answer by less than half of the timeout, and leaves half to find another server', () => {
    for (const [timeoutMs, tickMs] of [[400], [4000], [40_000, 2000], [2000, 200]] as const) {
      const { beatMs, pingGapMs } = beatTiming(timeoutMs, tickMs)
      const proof = new TouchProof<number>(pingGapMs)
      let lagMs = 0
      let since = 0
      for (let at = 0; at < 10 * timeoutMs; at += beatMs) {
        proof.sent(at, at)
        since = proof.acknowledged(at + 1) ?? since
        if (at > timeoutMs) lagMs = Math.max(lagMs, at + 1 - since)
      }
      expect(lagMs).toBeLessThan(timeoutMs / 2)
      const remainingMs = timeoutMs - lagMs - beatMs
      expect(leastRemainingMs(timeoutMs, tickMs)).toBeLessThanOrEqual(remainingMs + 1)
      expect(leastRemainingMs(timeoutMs, tickMs)).toBeGreaterThan(remainingMs - beatMs)
    }
  })
})

/**
 * A follower and the ZooKeeper leader, as their source has them: the follower answers clients by itself, and passes its
 * touches on only in its answer to the leader's ping, every half tick. Both streams between them keep their order.
 */
describe('against a follower and a leader that is paused, cut off and slow by chance', () => {
  it('never proves an instant after that of the touch that the leader has counted from', () => {
    let proofs = 0
    for (let seed = 1; seed <= 300; seed += 1) {
      const played = play(seed, beatTiming(timeoutMs).pingGapMs)
      expect(played.wrong, `seed ${seed}`).toEqual([])
      proofs += played.proofs
    }
    expect(proofs).toBeGreaterThan(3000)
  })

  it('would, if it did not wait for a ping', () => {
    const seeds = Array.from({ length: 50 }, (_, index) => index + 1)
    expect(seeds.filter((seed) => play(seed, 0).wrong.length > 0).length).toBeGreaterThan(40)
  })
})

const tickMs = 200
const timeoutMs = 400

function play(seed: number, pingGapMs: number): { readonly proofs: number; readonly wrong: string[] } {
  const wrong: string[] = []
  let state = seed
  const chance = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return state / 2_147_483_648
  }
  const { beatMs } = beatTiming(timeoutMs)
  const proof = new TouchProof<number>(pingGapMs)
  const events: { at: number; order: number; run: () => void }[] = []
  let order = 0
  let nowMs = 0
  const at = (ms: number, run: () => void): void => void events.push({ at: ms, order: (order += 1), run })
  const latency = (): number => (chance() < 0.1 ? 150 * chance() : 5 * chance())
  /** Nothing on a stream overtakes what was sent before. */
  const stream = () => {
    let last = 0
    return (run: () => void): void => {
      last = Math.max(last, nowMs + latency())
      at(last, run)
    }
  }
  const [toFollower, toLeader, fromLeader, toClient] = [stream(), stream(), stream(), stream()]
  const pauses: [number, number][] = []
  for (let from = 500; from < 6000; from += 1000 * chance() + 100) pauses.push([from, from + 600 * chance()])
  const afterPause = (ms: number): number => {
    const pause = pauses.find(([from, to]) => ms >= from && ms < to)
    return pause === undefined ? ms : pause[1]
  }
  /** The send instants of what the follower has noted since its last answer to a ping, and what the leader knows. */
  let noted = -1
  let counted = -1
  let proofs = 0
  const onLeader = (run: () => void): void => {
    const due = afterPause(nowMs)
    if (due <= nowMs) run()
    // After a pause what was waiting is done first, whatever else is due.
    else at(due, run)
  }
  const ping = (): void => {
    fromLeader(() => {
      const touch = noted
      toLeader(() => onLeader(() => (counted = Math.max(counted, touch))))
    })
    at(afterPause(nowMs + tickMs / 2), ping)
  }
  const beat = (): void => {
    const sentAt = nowMs
    proof.sent(sentAt, sentAt)
    toFollower(() => {
      noted = Math.max(noted, sentAt)
      toLeader(() =>
        onLeader(() =>
          fromLeader(() =>
            toClient(() => {
              const since = proof.acknowledged(nowMs)
              if (since === undefined) return
              proofs += 1
              if (since > counted) wrong.push(`at ${nowMs}: ${since} proven, ${counted} counted`)
            }),
          ),
        ),
      )
    })
    at(nowMs + beatMs, beat)
  }
  at((tickMs / 2) * chance(), ping)
  at(0, beat)
  while (nowMs < 6000) {
    events.sort((a, b) => a.at - b.at || a.order - b.order)
    const next = events.shift()
    if (next === undefined) break
    nowMs = next.at
    next.run()
  }
  return { proofs, wrong }
}
