import { expect, type Schedule } from './schedule.ts'
import { acceptors, instance, prepareOf, type AcceptorName } from './stage/paxos-staged.ts'
import { PaxosScene } from './stage/paxos-scene.ts'

/** Answers that are slow, and messages that are lost or overtaken: each of them once kept an election from everybody. */
export const paxosNobodyWaits: Schedule = {
  name: 'paxos-nobody-waits',
  claim:
    'Whoever can be elected is, however slow its answers are and whichever message was lost (docs/paxos.md)',
  run() {
    answersTakeLongerThanHeartbeats()
    whatIsGivenBackIsLost()
    answersAreReadLate()
    releaseOvertakesPrepare()
    promisesToAHolderAreLost()
    duellersFindDifferentTimes()
    newsOvertakesTheAnswer()
  },
}

/** c is near, so it has always acknowledged a later keepalive than a and b. */
function answersTakeLongerThanHeartbeats(): void {
  const scene = new PaxosScene()
  scene.roundTripMs.set('a', 130).set('b', 140)
  scene.join('p')
  scene.stand('p')
  scene.pass(1_000)
  expect(scene.holds('p'), 'all acceptors answer p, and it never wins')
}

/** c dies. a accepted p, b accepted q; each finds out that it is refused, and just then is not heard by whoever has it. */
function whatIsGivenBackIsLost(): void {
  const scene = new PaxosScene()
  scene.join('p', 'q')
  scene.roundTripMs.set('c', 10)
  scene.cuts.add('p>b').add('q>a')
  scene.stand('p')
  scene.stand('q')
  scene.pass(9)
  scene.cuts.add('p>c')
  scene.until(() => scene.roundOf('q')?.stage === 'propose', 'b and c promise q')
  scene.cuts.add('c')
  expect(scene.stage.owner('a') === 'p' && scene.stage.owner('b') === 'q', 'a accepts p, b accepts q')
  const givesBack = (session: string, has: AcceptorName, refuses: AcceptorName): void => {
    scene.cuts.delete(`${session}>${refuses}`)
    scene.until(() => scene.roundOf(session)?.refused.has(refuses) === true, `${refuses} refuses ${session}`)
    scene.cuts.add(`${session}>${has}`)
    scene.until(() => scene.requests(session, 'release').length > 0, `${session} gives back`)
    scene.pass(50)
    scene.cuts.delete(`${session}>${has}`)
  }
  givesBack('p', 'a', 'b')
  scene.pass(120)
  givesBack('q', 'b', 'a')
  scene.pass(3_000)
  expect(scene.holds('p') || scene.holds('q'), 'p and q wait for each other, and neither stands any more')
}

/** p holds it and says that it leaves; that it is free reaches q before the answers that it is taken. */
function newsOvertakesTheAnswer(): void {
  const scene = new PaxosScene()
  scene.join('p', 'q')
  scene.stand('p')
  scene.until(() => scene.holds('p'), 'p leads')
  for (const name of acceptors) scene.cuts.add(`${name}>q`)
  scene.stand('q')
  const { ballot = 0 } = scene.roundOf('q') ?? {}
  const answers = acceptors.map((name) => scene.stage.prepare(name, 'q', ballot))
  for (const name of acceptors) scene.cuts.delete(`${name}>q`)
  scene.leave('p')
  for (const [at, answer] of answers.entries())
    if (answer !== undefined) scene.hears('q', acceptors[at] as AcceptorName, answer)
  scene.pass(1_000)
  expect(scene.holds('q'), 'q waits to be told what it was told already')
}

/** A process died, the next one with its id asks, and does nothing for most of a second before it reads the answers. */
function answersAreReadLate(): void {
  const scene = new PaxosScene()
  scene.join('p~1')
  scene.stand('p~1', 'i:p')
  scene.pass(550)
  scene.players.delete('p~1')
  scene.pass(40)
  for (const name of acceptors) scene.roundTripMs.set(name, 800)
  scene.join('p~2')
  scene.stand('p~2', 'i:p')
  scene.pass(790)
  for (const name of acceptors) scene.roundTripMs.set(name, 1)
  scene.pass(1_000)
  expect(!scene.did('p~2', 'duplicate'), 'a process that died is taken for one that lives')
  expect(scene.holds('p~2', 'i:p'), 'the next process with an id does not get it')
  scene.join('p~3')
  scene.stand('p~3', 'i:p')
  scene.pass(500)
  expect(scene.did('p~3', 'duplicate'), 'a process that lives is not seen')
}

/** q's question is carried by a peer that stands still, while q changes to another and gives up. */
function releaseOvertakesPrepare(): void {
  const scene = new PaxosScene()
  scene.join('p', 'q', 'r')
  scene.stand('p')
  scene.stand('q')
  scene.leave('q')
  const [late] = scene.requests('q', 'prepare')
  // What b and c answer is lost; that the place is free is not.
  scene.cuts.add('b>q').add('c>q')
  for (const name of acceptors) if (late !== undefined) scene.tell('q', name, late)
  scene.cuts.delete('b>q')
  scene.cuts.delete('c>q')
  expect(scene.stage.acceptor('a').entries.get(instance)?.line.size === 0, 'q is told and steps out again')
  scene.seek('p', 'q')
  scene.leave('p', 'q')
  scene.stand('r')
  scene.pass(1_000)
  expect(scene.holds('r'), 'the election is kept for a candidate that left')
}

/** c let go of p and promised q. p asks for a higher ballot, and what it asks of those that have it is lost. */
function promisesToAHolderAreLost(): void {
  const scene = new PaxosScene()
  scene.join('p', 'q')
  scene.stand('p')
  scene.cuts.add('p>c')
  scene.pass(1_200)
  expect(scene.holds('p', instance) && scene.stage.owner('c') === null, 'c lets go of p, and a and b do not')
  scene.tell('q', 'c', prepareOf('q', 9))
  scene.cuts.delete('p>c')
  scene.cuts.add('p>a').add('p>b')
  scene.beat('p')
  scene.cuts.delete('p>a')
  scene.cuts.delete('p>b')
  scene.pass(1_000)
  expect(scene.stage.owner('c') === 'p', 'an acceptor that is heard never accepts again what is held')
}

/** Three regions with a peer each, and candidates in all of them: a question takes longer than ten steps of the LAN. */
function duellersFindDifferentTimes(): void {
  const sessions = ['p', 'q', 'r', 's', 't']
  for (let seed = 1; seed <= 12; seed++) {
    const scene = new PaxosScene(seed)
    for (const [at, session] of sessions.entries())
      for (const [place, name] of acceptors.entries())
        scene.roundTripMs.set(
          `${session}>${name}`,
          at % 3 === place ? 0 : 60 + ((seed + 3 * at + 5 * place) % 10),
        )
    scene.join(...sessions)
    scene.pass(300)
    for (const session of sessions) scene.stand(session)
    const leader = (): string | undefined => sessions.find((session) => scene.holds(session))
    scene.until(() => leader() !== undefined, 'one of five leads')
    scene.pass(1_500)
    scene.leave(leader() ?? '')
    scene.until(() => leader() !== undefined, 'another one leads', 1_000)
  }
}
