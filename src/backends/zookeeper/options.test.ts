import { describe, expect, it } from 'vitest'
import { isMandateError } from '../../errors.ts'
import { zookeeperGuard } from '../../fencing/zookeeper-guard.ts'
import { zookeeper } from '../zookeeper.ts'
import { checkZnodeName, chrootProblem, describeAcl } from './layout.ts'
import { readTicket, writeTicket } from './ticket.ts'

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (isMandateError(error)) return `${error.code}: ${error.message}`
    throw error
  }
  return 'accepted'
}

describe('the options', () => {
  it('need servers, each an address, each once', () => {
    expect(refusal(() => zookeeper({} as never))).toMatch(/^INVALID_OPTIONS: servers is absent/)
    expect(refusal(() => zookeeper({ servers: [] }))).toMatch(/a list of 1 to 64/)
    expect(refusal(() => zookeeperGuard({ servers: ['zk1:65536'] }))).toMatch(/^INVALID_OPTIONS: servers/)
    expect(refusal(() => zookeeper({ servers: ['zk1'] }))).toMatch(
      /servers\[0\] is "zk1": expected host:port/,
    )
    expect(refusal(() => zookeeper({ servers: ['a:1', 'a:1'] }))).toMatch(/every server once/)
    expect(refusal(() => zookeeper({ servers: ['[::1]:2181', 'zk.example:2181'] }))).toBe('accepted')
  })

  it('are all checked at once, and a misspelt one is none', () => {
    const wrong = { servers: ['a:1'], chroot: 'app', dialect: 'zk', sessionMs: 0, seesionMs: 1, tokenBase: 1 }
    const message = refusal(() => zookeeper(wrong as never))
    for (const option of ['chroot', 'dialect', 'sessionMs', 'seesionMs', 'tokenBase'])
      expect(message).toContain(option)
  })

  it('never come back with the secret in them', () => {
    const message = refusal(() => zookeeper({ servers: ['a:1'], auth: 'hunter2' }))
    expect(message).toMatch(/auth is not usable: expected 'user:password'/)
    expect(message).not.toContain('hunter2')
  })

  it("know no 'creator' without credentials", () => {
    expect(refusal(() => zookeeper({ servers: ['a:1'], acl: 'creator' }))).toMatch(/acl/)
  })
})

describe('the paths', () => {
  it('take a chroot as ZooKeeper does', () => {
    expect(['', '/app', '/a/b'].map(chrootProblem)).toEqual([undefined, undefined, undefined])
    for (const chroot of ['app', '/app/', '/', '/a//b', '/a/../b', '/a\u0001', '/\ud83d\ude00'])
      expect(chrootProblem(chroot), chroot).toBeDefined()
  })

  it('refuse the names that mean something else, or nothing to ZooKeeper', () => {
    for (const name of ['.', '..', '.mandate', 'zookeeper', 'job-\u{1f600}', 'x\ufff0'])
      expect(
        refusal(() => checkZnodeName(name)),
        name,
      ).toMatch(/^INVALID_NAME/)
    for (const name of ['.x', 'Grüße', 'a b', '...'])
      expect(
        refusal(() => checkZnodeName(name)),
        name,
      ).toBe('accepted')
  })

  it('show an ACL without the hash of a password', () => {
    const acl = [
      { perms: 31, scheme: 'digest', id: 'bob:hash' },
      { perms: 1, scheme: 'world', id: 'anyone' },
    ]
    expect(describeAcl(acl)).toBe('digest:bob:***:rwcda, world:anyone:r')
  })
})

describe('a ticket', () => {
  it('carries id and password through JSON, the sign of the id included', () => {
    for (const id of [1n, 0x100a0b0c0d0e0f10n, -2n]) {
      const identity = { id, password: Buffer.alloc(16, 9) }
      const session = JSON.parse(JSON.stringify(writeTicket(identity))) as string
      expect(readTicket({ session })).toEqual(identity)
    }
  })

  it('of another backend is refused', () => {
    expect(refusal(() => readTicket({ session: 'a~0123' }))).toMatch(/^INVALID_OPTIONS/)
  })
})
