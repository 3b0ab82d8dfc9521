import { expect, type Schedule } from './schedule.ts'
import { BullyStage, factsOf, leaseMs, nothing, standOf } from './stage/bully-staged.ts'

/** What a voter of a bully may never do, and what its candidate may not count: one short history each. */
export const bullyVoterRules: Schedule = {
  name: 'bully-voter-rules',
  claim: 'A vote replaces another only for a reason that all who vote for it check (DESIGN §4.1, §4.4)',
  run() {
    oneVotePerEpoch()
    votesAreRemembered()
    onlyWhatIsOverIsReplaced()
    aReasonIsCheckedByAll()
    aFailedVoteProvesNothing()
    evidenceInTokenModeOnly()
    staleReplies()
    votesThatComeTooLate()
    oldCoordinator()
  },
}

function oneVotePerEpoch(): void {
  const stage = new BullyStage(3)
  expect(stage.votes('p2', 5), 'nothing is in the way, and it does not vote')
  expect(stage.votes('p2', 5), 'the same vote, asked for again, is refused')
  const freed = [{ session: 'p2.1', epoch: 5 }]
  expect(!stage.votes('p3', 5, { freed }), 'it votes twice in epoch 5')
  expect(!stage.votes('p3', 4, { freed }), 'it votes in epoch 4 after it voted in 5')
  expect(stage.votes('p3', 6, { freed }), 'p2 gave epoch 5 up, and p3 gets no vote')
}

function votesAreRemembered(): void {
  const stage = new BullyStage(3)
  stage.votes('p2', 5)
  stage.restart()
  expect(!stage.votes('p3', 5), 'it restarts, and votes a second time in epoch 5')
  expect(!stage.votes('p3', 6), 'it restarts, and votes over the session of p2, which may lead')
}

function onlyWhatIsOverIsReplaced(): void {
  const stage = new BullyStage(3)
  stage.votes('p2', 5)
  expect(!stage.votes('p3', 6), 'it votes for p3 although nothing is known to have ended p2')
  const early = [{ session: 'p2.1', epoch: 4 }]
  expect(!stage.votes('p3', 7, { freed: early }), 'an attempt that p2 gave up earlier covers its epoch 5')
  expect(stage.votes('p3', 8, { won: 6 }), 'epoch 6 was won, so the vote of epoch 5 came to nothing')
}

/** It never voted for p2, but it knows that a majority may have agreed that its session goes on. */
function aReasonIsCheckedByAll(): void {
  for (const restarts of [false, true]) {
    const stage = new BullyStage(5)
    stage.hear('p2', { type: 'open', of: factsOf('p2', 2) })
    if (restarts) stage.restart()
    const withdrawn = [{ session: 'p2.1', epoch: 1 }]
    expect(!stage.votes('p3', 6, { withdrawn }), 'p2 went on in session epoch 2, and is voted over for 1')
  }
}

/** p3 relied on the end of p2 and was elected by nobody else: p4 must give the reason again, for others may know better. */
function aFailedVoteProvesNothing(): void {
  const withdrawn = [{ session: 'p2.1', epoch: 1 }]
  const freed = [{ session: 'p3.1', epoch: 6 }]
  for (const restarts of [false, true]) {
    const stage = new BullyStage(5)
    stage.votes('p2', 5)
    expect(stage.votes('p3', 6, { withdrawn }), 'a majority withdrew from p2, and p3 gets no vote')
    if (restarts) stage.restart()
    expect(!stage.votes('p4', 7, { freed }), 'p4 is elected over p2, of which its request says nothing')
    expect(stage.votes('p4', 8, { freed, withdrawn }), 'p4 gives all reasons, and gets no vote')
  }
}

function evidenceInTokenModeOnly(): void {
  for (const mode of ['time', 'token'] as const) {
    const stage = new BullyStage(3)
    stage.votes('p2', 5, {}, standOf('p2', mode))
    stage.feed({ type: 'evidence', peer: 'p2' })
    const voted = stage.votes('p3', 6, {}, standOf('p3', mode))
    expect(voted === (mode === 'token'), `evidence of death in ${mode} mode: it votes ${voted}`)
  }
  const stage = new BullyStage(3)
  stage.votes('p2', 5, {}, standOf('p2', 'token'))
  stage.feed({ type: 'evidence', peer: 'p2' })
  expect(!stage.votes('p3', 6), 'p3 is to lead in time mode, and follows p2 on evidence of its death')
}

/** What was granted to an attempt that was given up is no vote for the next. */
function staleReplies(): void {
  const stage = new BullyStage(3)
  const stand = standOf('p1')
  stage.feed({ type: 'open', of: stand.of })
  stage.feed({ type: 'campaign', election: 'e', stand })
  const round = (): void => {
    const asked = stage.sent.get('ask p2')
    if (asked?.type !== 'ask') throw new Error('it does not ask')
    const { election, round: number } = asked
    stage.hear('p2', {
      type: 'answer',
      election,
      round: number,
      session: stand.of.session,
      view: nothing,
      better: null,
    })
  }
  const reply = (from: string, epoch: number, granted: boolean): void =>
    void stage.hear(from, {
      type: 'vote-reply',
      election: 'e',
      session: stand.of.session,
      epoch,
      granted,
      view: nothing,
    })
  round()
  reply('p2', 1, false)
  reply('p3', 1, false)
  stage.now = leaseMs
  stage.feed({ type: 'wake' })
  round()
  expect(stage.sent.get('vote p2')?.type === 'vote', 'it does not ask for votes again')
  reply('p3', 1, true)
  expect(!stage.news.some(({ type }) => type === 'granted'), 'a vote of epoch 1 elects in epoch 2')
  reply('p3', 2, true)
  expect(
    stage.news.some(({ type }) => type === 'granted'),
    'two of three voted in epoch 2, and nobody is elected',
  )
}

/** p1 asks for votes of epoch 1 in token mode, and p3, that believed it dead, won epoch 2 and gave it back. */
function votesThatComeTooLate(): void {
  const stand = standOf('p1', 'token')
  const { session } = stand.of
  const asked = (): BullyStage => {
    const stage = new BullyStage(3)
    stage.feed({ type: 'open', of: stand.of })
    stage.feed({ type: 'campaign', election: 'e', stand })
    stage.hear('p2', { type: 'answer', election: 'e', round: 1, session, view: nothing, better: null })
    return stage
  }
  const votes = (stage: BullyStage, won: number): void =>
    void stage.hear('p2', {
      type: 'vote-reply',
      election: 'e',
      session,
      epoch: 1,
      granted: true,
      view: { ...nothing, won },
    })
  const late = asked()
  votes(late, 2)
  expect(!late.news.some(({ type }) => type === 'granted'), 'it is elected with token 1 after token 2')
  const early = asked()
  votes(early, 0)
  const freed = { session: 'p3.1', epoch: 2 }
  early.hear('p3', { type: 'freed', note: 1, election: 'e', freed, heir: null, won: 2 })
  expect(
    early.news.some(({ type }) => type === 'superseded'),
    'it leads with token 1 for as long as it lives, although token 2 was used',
  )
}

/** B4: a delayed COORDINATOR of an older epoch. */
function oldCoordinator(): void {
  const stage = new BullyStage(3)
  const led = (peer: string, epoch: number): readonly { readonly type: string }[] =>
    stage.hear(peer, { type: 'led', note: 1, election: 'e', epoch, stand: standOf(peer), version: 0 })
  led('p3', 7)
  expect(!led('p2', 6).some(({ type }) => type === 'observed'), 'who led in epoch 6 is shown after epoch 7')
}
