import assert from 'node:assert/strict'

import type { Backend, BackendFacts, OperatorAnswer } from '../../backends/backend.ts'
import type { Leadership } from '../../election/leadership.ts'
import type { Theme } from './definition.ts'
import { ELECTION } from './member.ts'
import { begun } from './scene.ts'
import type { Scene } from './scene.ts'

const unless = ({ operatorRequests = false }: BackendFacts): string | undefined =>
  operatorRequests ? undefined : 'it does not support requests of operators'

async function answerOnceItStands(
  scene: Scene,
  backend: Backend,
  wish: { readonly token: bigint; readonly to: string },
): Promise<OperatorAnswer> {
  for (;;) {
    const answer = await scene.ask(backend, wish)
    if (answer !== 'no-such-candidate') return answer
    await scene.advance(scene.leaseMs / 20)
  }
}

/** What an operator, who is no candidate, asks of a leader (`BackendDriver.ask`). */
export const operator: Theme = {
  theme: 'operator',
  cases: [
    {
      claim: 'a leader that an operator asks to give up is told, and leads on until it leaves by itself',
      mode: 'each',
      unless,
      run: async (scene) => {
        const { standing: first, token } = await scene.leader('a')
        const second = await scene.waiter('b')
        const elsewhere = await scene.process('o')
        assert.equal(await scene.ask(elsewhere, { token }), 'told')
        assert.equal(first.log.wishes[0], null)
        await scene.stays('a leads', 2 * scene.leaseMs, () => first.log.believes() && !second.leads)
        await first.leave()
        await second.winsAbove(token)
        assert.deepEqual(second.log.wishes, [], 'what a was asked is nothing to b')
      },
    },
    {
      claim: 'a request to hand over names a candidate that waits',
      mode: 'each',
      unless: (facts) => unless(facts) ?? (facts.transfer === 'none' ? "its transfer is 'none'" : undefined),
      run: async (scene) => {
        const { standing: first, token } = await scene.leader('a')
        await scene.waiter('b')
        await scene.waiter('c')
        assert.equal(await scene.ask(await scene.process('o'), { token, to: 'c' }), 'told')
        assert.equal(first.log.wishes[0], 'c')
      },
    },
    {
      claim: 'a request to hand over to somebody who does not stand is refused, and the leader hears nothing',
      mode: 'each',
      unless,
      run: async (scene) => {
        const { standing: first, token } = await scene.leader('a')
        await scene.waiter('b')
        const elsewhere = await scene.process('o')
        for (const to of ['nobody', 'a'])
          assert.equal(await scene.ask(elsewhere, { token, to }), 'no-such-candidate')
        await scene.stays('a leads', scene.leaseMs, () => first.log.believes())
        assert.deepEqual(first.log.wishes, [])
      },
    },
    {
      claim: 'a request that names an earlier leadership is answered over, and asks nobody',
      mode: 'each',
      unless,
      run: async (scene) => {
        const { member: a, standing: first, token } = await scene.leader('a')
        await first.leave()
        const elsewhere = await scene.process('o')
        assert.equal(await scene.ask(elsewhere, { token }), 'over', 'while nobody leads')
        const again = a.enter()
        await again.winsAbove(token)
        assert.equal(await scene.ask(elsewhere, { token }), 'over', 'while the same candidate leads again')
        await scene.stays('a leads', scene.leaseMs, () => again.log.believes())
        assert.deepEqual(again.log.wishes, [])
      },
    },
    {
      claim: 'a request is heard by the session that leads, through whichever process it is asked',
      mode: 'each',
      unless,
      run: async (scene) => {
        const { member: a, standing: first, token } = await scene.leader('a')
        const b = await scene.join('b')
        await b.enter().waits()
        for (const { backend } of [a, b]) assert.equal(await scene.ask(backend, { token }), 'told')
        assert.equal(first.log.wishes[0], null)
      },
    },
    {
      claim: 'a request whose answer was lost is answered in the end',
      mode: 'each',
      needs: ['loseNextReply'],
      unless,
      run: async (scene) => {
        const { standing: first, token } = await scene.leader('a')
        const b = await scene.join('b')
        const seen = b.observe()
        await scene.until('b sees a lead', () => seen.token === token)
        await scene.loseNextReply(b.backend)
        assert.equal(await scene.ask(b.backend, { token }, scene.expiryMs), 'told')
        assert.equal(first.log.wishes[0], null)
      },
    },
    {
      // In token mode a leader that is cut off is soon replaced, which answers the request.
      claim: 'a request that reaches nobody ends with its signal',
      mode: 'time',
      needs: ['cut'],
      unless,
      run: async (scene) => {
        const { member: a, standing: first, token } = await scene.leader('a', scene.longLeaseMs)
        const elsewhere = await scene.process('o')
        assert.ok(elsewhere.ask !== undefined)
        await a.cut()
        const stop = new AbortController()
        const asking = begun(elsewhere.ask({ election: ELECTION, token, to: null }, { signal: stop.signal }))
        await scene.advance(scene.leaseMs)
        stop.abort()
        await scene.refusal('a request with an aborted signal', asking, 'CANCELLED')
        assert.deepEqual(first.log.wishes, [])
        await a.heal()
      },
    },
    {
      claim:
        'asked to give up, lead() drains its work before anybody follows, and stands again behind the others',
      mode: 'each',
      unless,
      run: async (scene) => {
        const a = await scene.candidate('a', { leaseMs: scene.longLeaseMs })
        const b = await scene.candidate('b', { leaseMs: scene.longLeaseMs })
        const terms: Leadership[] = []
        let drained = (): void => undefined
        const stop = new AbortController()
        const leading = begun(
          a.election.lead(
            (held) => {
              terms.push(held)
              return new Promise<void>((resolve) => (drained = resolve))
            },
            { signal: stop.signal },
          ),
        )
        await scene.until('a works', () => terms.length === 1)
        const [first] = terms
        assert.ok(first !== undefined)
        const standing = begun(b.election.campaign())
        assert.equal(await scene.ask(b.backend, { token: first.token }), 'told')
        await scene.until('the work of a was told', () => first.signal.aborted)
        assert.equal(await scene.outcome('lost', first.lost), 'resigned')
        const early = { won: false }
        void standing.then(() => (early.won = true))
        await scene.stays('nobody follows while the work drains', scene.leaseMs, () => !early.won)
        drained()
        const second = await scene.outcome('campaign() of b', standing)
        assert.ok(second.token > first.token)
        await scene.outcome('resign() of b', second.resign())
        await scene.until('a works again', () => terms.length === 2, scene.expiryMs)
        stop.abort()
        drained()
        await scene.outcome('lead() of a', leading)
      },
    },
    {
      claim:
        'asked to hand over, a leadership ends at once as transferred, or its owner does it when it is ready',
      mode: 'each',
      unless: (facts) =>
        unless(facts) ?? (facts.transfer === 'directed' ? undefined : `its transfer is '${facts.transfer}'`),
      run: async (scene) => {
        const a = await scene.candidate('a')
        const b = await scene.candidate('b')
        const first = await scene.outcome('campaign() of a', a.election.campaign())
        const asked: (string | null)[] = []
        const wanted = begun(b.election.campaign({ onAsked: ({ to }) => asked.push(to) }))
        const answer = await answerOnceItStands(scene, b.backend, { token: first.token, to: 'b' })
        // It ends at once, and the answer may come after that.
        assert.ok(answer === 'told' || answer === 'ended', answer)
        assert.equal(await scene.outcome('lost of a', first.lost), 'transferred')
        const second = await scene.outcome('campaign() of b', wanted)
        assert.equal(await scene.ask(a.backend, { token: second.token }), 'told')
        assert.deepEqual(asked, [null])
        await scene.stays('b leads until it is ready', scene.leaseMs, () => second.isValid())
        await scene.outcome('resign() of b', second.resign())
        assert.equal(await second.lost, 'resigned')
      },
    },
  ],
}
