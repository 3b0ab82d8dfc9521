import { expect, type Schedule } from './schedule.ts'
import { instance, leaseMs, longMs, PaxosStage } from './stage/paxos-staged.ts'

/** What an acceptor may never do, one short history each. */
export const paxosAcceptorRules: Schedule = {
  name: 'paxos-acceptor-rules',
  claim: 'An acceptor keeps a live owner, its whole lease, and what it promised (G2, PaxosLease §3)',
  run() {
    shortening()
    restartSilence()
    oneSessionPerBallot()
    proposalsRaise()
    evidence()
    oldProposalAfterRelease()
    overwritten()
    answersWaitForTheDisk()
    handedOver()
  },
}

/** G2: something with a shorter lease arrives late; the owner still counts on the longer one. */
function shortening(): void {
  const stage = new PaxosStage()
  stage.acquire('p', ['a', 'b'], 1)
  stage.ask('a', 'p', { type: 'keepalive', sequence: 2, leaseMs: 100 })
  stage.now = leaseMs / 2
  stage.wake('a')
  expect(stage.owner('a') === 'p', 'a shortens the lease of p to that of a late keepalive')
}

/** What it accepted before is forgotten; so it says nothing is empty before no lease of then can run any more. */
function restartSilence(): void {
  const stage = new PaxosStage()
  stage.acquire('p', ['a', 'b'], 1)
  stage.restart('b')
  stage.now = leaseMs / 2
  const ballot = 2 ** 22
  const answers = (['b', 'c'] as const).map((name) => stage.prepare(name, 'q', ballot)?.type)
  expect(answers[0] !== 'promise', 'b says that it is empty, and may have accepted it before it restarted')
  expect(answers[1] === 'promise', 'c has nothing to wait for')
}

/** The same number, promised to one session, is used by another. */
function oneSessionPerBallot(): void {
  const stage = new PaxosStage()
  stage.prepare('a', 'p', 7)
  expect(stage.prepare('a', 'q', 7)?.type === 'rejected', 'a promises ballot 7 twice')
  expect(stage.propose('a', 'q', 7)?.type === 'rejected', 'a accepts of q what it promised to p')
}

/** PaxosLease §3, the pseudo-code: a proposal is accepted without raising what is promised. */
function proposalsRaise(): void {
  const stage = new PaxosStage()
  stage.propose('a', 'p', 9)
  expect(stage.propose('a', 'q', 8)?.type === 'rejected', 'a lower proposal replaces a higher one')
}

/** DESIGN §4.3: never in time mode. */
function evidence(): void {
  const stage = new PaxosStage()
  stage.acquire('p', ['a', 'b'], 1)
  stage.step('a', { type: 'evidence', peer: 'p', incarnation: 1 })
  expect(stage.owner('a') === 'p', 'evidence of death frees a time-mode owner')
  stage.propose('a', 'p', 1, { exclusivity: 'token' })
  const before = stage.ask('a', 'p', { type: 'keepalive', sequence: 2, leaseMs })
  stage.step('a', { type: 'evidence', peer: 'p', incarnation: 1 })
  expect(stage.owner('a') === null, 'evidence of death does not free a token-mode owner')
  const after = stage.ask('a', 'p', { type: 'keepalive', sequence: 3, leaseMs })
  expect(tieOf(before) !== tieOf(after), 'a let go of p by itself, and its digest for p is the same')
}

/** A duplicate of the proposal comes after the release: nobody is left who would release it again. */
function oldProposalAfterRelease(): void {
  const stage = new PaxosStage()
  const ballot = stage.acquire('p', ['a', 'b'], 1)
  stage.ask('a', 'p', { type: 'release', instance, ballot, to: null, stays: false })
  stage.propose('a', 'p', ballot)
  expect(stage.owner('a') === null, 'what was released is accepted again')
}

/** Whoever lost an acceptor to a higher ballot, or to silence, is told by the digest. */
function overwritten(): void {
  const stage = new PaxosStage()
  stage.propose('a', 'p', 1)
  const before = stage.ask('a', 'p', { type: 'keepalive', sequence: 1, leaseMs })
  stage.prepare('b', 'q', 5)
  stage.prepare('c', 'q', 5)
  stage.propose('a', 'q', 5)
  const after = stage.ask('a', 'p', { type: 'keepalive', sequence: 2, leaseMs })
  expect(tieOf(before) !== tieOf(after), 'a replaced p, and its digest for p is the same')
  const held = stage.ask('a', 'q', { type: 'keepalive', sequence: 2, leaseMs })
  stage.now = longMs
  stage.wake('a')
  const [dropped, again] = [3, 4].map((sequence) =>
    stage.ask('a', 'q', { type: 'keepalive', sequence, leaseMs }),
  )
  expect(stage.owner('a') === null && tieOf(held) !== tieOf(dropped), 'a let go of q, and does not say so')
  expect(tieOf(dropped) === tieOf(again), 'a lets go of q once')
}

function tieOf(reply: { readonly type: string } | undefined): number | null {
  return reply !== undefined && 'tie' in reply ? (reply.tie as number) : null
}

/** A ballot above everything that is on disk is promised to nobody before the disk has more. */
function answersWaitForTheDisk(): void {
  const stage = new PaxosStage()
  const effects = stage.step('a', {
    type: 'request',
    from: { session: 'p', via: 'a', host: null },
    request: {
      type: 'prepare',
      instance,
      ballot: 3,
      id: 'p',
      leaseMs,
      exclusivity: 'time',
      priority: 0,
    },
  })
  const answer = effects.find(({ type }) => type === 'reply')
  expect(answer?.type === 'reply' && answer.after !== undefined, 'a promises before its disk has the ceiling')
}

/** A transfer names one; until it came, or is gone, nobody else is promised anything. */
function handedOver(): void {
  const stage = new PaxosStage()
  const ballot = stage.acquire('p', ['a', 'b'], 1)
  for (const heir of ['q', 'r']) {
    stage.ask('a', heir, { type: 'keepalive', sequence: 1, leaseMs })
    stage.prepare('a', heir, ballot + 1)
  }
  stage.ask('a', 'p', { type: 'release', instance, ballot, to: 'r', stays: false })
  expect(stage.prepare('a', 'q', ballot + 2)?.type === 'held', 'q is promised what p handed over to r')
  expect(stage.prepare('a', 'r', ballot + 3)?.type === 'promise', 'r is not promised what it was handed')
}
