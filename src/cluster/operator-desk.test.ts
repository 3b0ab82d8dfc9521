import { describe, expect, it } from 'vitest'
import type { Codec } from './codec.ts'
import { object } from './codec-shape.ts'
import { engineWire } from './engine/engine-wire.ts'
import { OperatorDesk, type DeskMessage, type HolderAsked, type OperatorTold } from './operator-desk.ts'
import { raftWire } from './wire.ts'

const request = { election: 'billing', token: 2n ** 64n, to: null } as const

interface Told {
  readonly link: string
  readonly message: HolderAsked | OperatorTold
}

/** Three desks that are connected; `where` says through which of them the holder speaks. */
function desks(where: string) {
  const told: Told[] = []
  const peers = ['a', 'b', 'c']
  const lost = new Set<string>()
  const all = new Map<string, OperatorDesk<string>>()
  for (const self of peers) {
    const send = (to: string, message: DeskMessage): void => {
      if (!lost.has(to)) all.get(to)?.fromPeer(self, message)
    }
    const duties = {
      send,
      holders: () => (self === where ? ['holder'] : []),
      toLink: (link: string, message: HolderAsked | OperatorTold) => told.push({ link, message }),
    }
    all.set(self, new OperatorDesk(self, { peers, incarnation: 1 }, duties))
  }
  const desk = (name: string): OperatorDesk<string> => {
    const found = all.get(name)
    if (found === undefined) throw new Error(`no desk ${name}`)
    return found
  }
  return { told, lost, desk }
}

describe('the desk', () => {
  it.each(['a', 'b', 'c'])(
    'carries a request to the holder at %s, and its answer back to who asked',
    (where) => {
      const { told, desk } = desks(where)
      desk('a').fromLink('operator', { type: 'operator-asks', id: 7, request })
      expect(told).toHaveLength(1)
      const [first] = told
      if (first?.message.type !== 'holder-asked') throw new Error('the holder was not asked')
      expect(first).toMatchObject({ link: 'holder', message: { by: 'a', request } })
      const { by, id } = first.message
      desk(where).fromLink('holder', { type: 'holder-answers', by, id, answer: 'told' })
      expect(told.slice(1)).toEqual([
        { link: 'operator', message: { type: 'operator-told', id: 7, answer: 'told' } },
      ])
    },
  )

  it('answers each request once, and nobody who is gone', () => {
    const { told, desk } = desks('a')
    for (const link of ['first', 'second'])
      desk('a').fromLink(link, { type: 'operator-asks', id: 1, request })
    const ids = told.map(({ message }) => message.id)
    desk('a').detached('first')
    for (const id of [...ids, ...ids])
      desk('a').fromLink('holder', { type: 'holder-answers', by: 'a', id, answer: 'told' })
    expect(told.slice(2).map(({ link }) => link)).toEqual(['second'])
  })

  it('takes no answer to a request of an earlier process of its peer', () => {
    const { told, desk } = desks('b')
    desk('a').fromLink('operator', { type: 'operator-asks', id: 1, request })
    desk('a').fromPeer('b', { kind: 'holder-answers', id: 0, answer: 'told' })
    expect(told.filter(({ link }) => link === 'operator')).toEqual([])
  })

  it('sends no answer to a peer that there is not', () => {
    const { desk, told } = desks('a')
    desk('a').fromLink('holder', { type: 'holder-answers', by: 'x', id: 1, answer: 'told' })
    expect(told).toEqual([])
  })

  it('forgets the oldest of too many that nobody answers', () => {
    const { told, desk, lost } = desks('b')
    lost.add('a')
    for (let id = 0; id < 2000; id += 1)
      desk('a').fromLink('operator', { type: 'operator-asks', id, request })
    const asked = told.flatMap(({ message }) => (message.type === 'holder-asked' ? [message.id] : []))
    told.length = 0
    for (const id of asked) desk('a').fromPeer('b', { kind: 'holder-answers', id, answer: 'told' })
    expect(told.length).toBe(1024)
    expect(told[0]?.message).toMatchObject({ id: 2000 - 1024 })
  })
})

/** An engine that says nothing of its own. */
const bareWire = engineWire({
  engine: 'paxos',
  request: object<object>({}),
  reply: object<object>({}),
  record: object<object>({}),
  isKeepalive: () => false,
})

type Wires = Readonly<Record<'fromHolders' | 'toHolders' | 'peers', Codec<object>>>
const wires: readonly (readonly [engine: string, wires: Wires])[] = [
  ['raft', raftWire],
  ['an engine without a log', bareWire],
]

describe.each(wires)('on the wire of %s', (_, { fromHolders, toHolders, peers }) => {
  it('everything arrives as it was sent, tokens beyond 2^53 as well', () => {
    const answer = 'no-such-candidate'
    for (const to of [null, 'b']) {
      const asks = { id: 1, request: { ...request, to } }
      expectBack(fromHolders, { type: 'operator-asks', ...asks })
      expectBack(peers, { kind: 'operator-asks', ...asks })
      expectBack(toHolders, { type: 'holder-asked', by: 'a', ...asks })
    }
    expectBack(fromHolders, { type: 'holder-answers', by: 'a', id: 1, answer })
    expectBack(peers, { kind: 'holder-answers', id: 1, answer })
    expectBack(toHolders, { type: 'operator-told', id: 1, answer: 'told' })
  })

  it.each([
    ['no token', { election: 'e', to: null }],
    ['a token that is a number', { election: 'e', token: 1, to: null }],
    ['no election', { election: '', token: '1', to: null }],
    ['a target that is too long', { election: 'e', token: '1', to: 'x'.repeat(129) }],
  ])('a request with %s is refused', (__, wrong) => {
    const bytes = new TextEncoder().encode(JSON.stringify({ type: 'operator-asks', id: 1, request: wrong }))
    expect(() => fromHolders.decode(bytes)).toThrow(/request/)
  })
})

function expectBack({ encode, decode }: Codec<object>, message: object): void {
  expect(decode(encode(message))).toEqual(message)
}
