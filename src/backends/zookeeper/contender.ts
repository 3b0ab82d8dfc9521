/** The znode by which one candidacy stands in its election, from the wish for it to the proof that it is gone. */
import { electionPath } from '../../fencing/zookeeper-layout.ts'
import type { Random } from '../../seams/random.ts'
import type { Metadata } from '../backend.ts'
import type { ZooKeeperClient } from '../../clients/zookeeper/client.ts'
import { isZooKeeperError } from '../../clients/zookeeper/error-codes.ts'
import type { Acl } from '../../clients/zookeeper/records.ts'
import { newGuid } from './dialects.ts'
import type { Dialect } from './dialects.ts'
import { metadataPath } from './layout.ts'

export interface ContenderOptions {
  readonly client: ZooKeeperClient
  readonly dialect: Dialect
  readonly acl: readonly Acl[]
  readonly random: Random
  readonly election: string
  readonly candidateId: string
}

export interface ContenderNode {
  readonly name: string
  readonly path: string
  readonly czxid: bigint
}

export class Contender {
  readonly guid: string
  readonly #options: ContenderOptions
  #creating: Promise<ContenderNode | undefined> = Promise.resolve(undefined)
  #removing: Promise<'removed' | 'absent'> | undefined
  #hasMetadata = false

  constructor(options: ContenderOptions) {
    this.#options = options
    this.guid = newGuid(options.candidateId, options.random)
  }

  /** Undefined: it was removed before it was made. @throws ZooKeeperError */
  create(metadata: Metadata): Promise<ContenderNode | undefined> {
    this.#creating = this.#create(metadata)
    return this.#creating
  }

  async #create(metadata: Metadata): Promise<ContenderNode | undefined> {
    if (Object.keys(metadata).length > 0) await this.#insist(() => this.writeMetadata(metadata))
    while (this.#removing === undefined) {
      try {
        return await this.#createNode()
      } catch (error) {
        if (isZooKeeperError(error, 'NONODE')) await this.#createElection()
        else if (!isZooKeeperError(error, 'CONNECTIONLOSS') || this.#options.client.end !== undefined)
          throw error
        else {
          // It may have been made: then it stands in the queue, and a second one would wait for it for ever (CURATOR-45).
          const found = await this.#find()
          if (found !== undefined) return found
        }
      }
    }
    return undefined
  }

  async #createNode(): Promise<ContenderNode> {
    const { client, dialect, candidateId, election, acl } = this.#options
    const wish = `${electionPath(election)}/${dialect.prefix(this.guid)}`
    const { path, stat } = await client.create(wish, Buffer.from(candidateId), {
      mode: 'ephemeral-sequential',
      acl,
    })
    return { name: path.slice(path.lastIndexOf('/') + 1), path, czxid: stat.czxid }
  }

  /** A container, as Curator's: the servers remove it some time after its last child. */
  async #createElection(): Promise<void> {
    const { client, election, acl } = this.#options
    try {
      await client.createChroot(acl)
      await client.create(electionPath(election), Buffer.alloc(0), { mode: 'container', acl })
    } catch (error) {
      if (!isZooKeeperError(error, 'NODEEXISTS', 'CONNECTIONLOSS')) throw error
    }
  }

  /** By the guid. `sync` first: behind it nothing is under way any more that an earlier connection has sent. */
  async #find(): Promise<ContenderNode | undefined> {
    const { client, election, dialect } = this.#options
    try {
      const [, paths] = await Promise.all([client.sync('/'), this.#paths()])
      const wish = `${electionPath(election)}/${dialect.prefix(this.guid)}`
      const path = paths.find((each) => each.startsWith(wish))
      if (path === undefined) return undefined
      const { czxid } = await client.exists(path)
      return { name: path.slice(path.lastIndexOf('/') + 1), path, czxid }
    } catch (error) {
      if (isZooKeeperError(error, 'NONODE')) return undefined
      throw error
    }
  }

  /** Of the candidates, or at least of those of this session: so the own one is found where nobody may list the others. */
  async #paths(): Promise<readonly string[]> {
    const { client, election } = this.#options
    const parent = electionPath(election)
    try {
      return (await client.getChildren(parent)).children.map((name) => `${parent}/${name}`)
    } catch (error) {
      if (!isZooKeeperError(error, 'NOAUTH', 'ANSWERTOOLONG')) throw error
      return client.getEphemerals(`${parent}/`)
    }
  }

  /** Under the leader's node where there is one, so that nobody writes who no longer holds it. @throws ZooKeeperError */
  async writeMetadata(metadata: Metadata, holding?: ContenderNode): Promise<void> {
    const { client, acl } = this.#options
    const path = metadataPath(this.guid)
    const data = Buffer.from(JSON.stringify(metadata))
    const check = holding === undefined ? [] : [{ op: 'check', path: holding.path, version: -1 } as const]
    for (;;) {
      try {
        await client.multi([
          ...check,
          this.#hasMetadata
            ? { op: 'setData', path, data, version: -1 }
            : { op: 'create', path, data, acl, mode: 'ephemeral' },
        ])
        this.#hasMetadata = true
        return
      } catch (error) {
        // The answer to an earlier try was lost.
        if (!isZooKeeperError(error, 'NODEEXISTS')) throw error
        this.#hasMetadata = true
      }
    }
  }

  /** Asks until it is surely gone, or the session with it. Idempotent. @throws ZooKeeperError where it may not */
  remove(): Promise<'removed' | 'absent'> {
    this.#removing ??= this.#remove()
    return this.#removing
  }

  async #remove(): Promise<'removed' | 'absent'> {
    const { client } = this.#options
    const node = await this.#creating.catch(() => this.#find().catch(() => undefined))
    if (client.end !== undefined) return 'absent'
    if (this.#hasMetadata) void this.#delete(metadataPath(this.guid)).catch(() => undefined)
    return node === undefined ? 'absent' : this.#delete(node.path)
  }

  async #delete(path: string): Promise<'removed' | 'absent'> {
    const { client } = this.#options
    let asked = 0
    while (client.end === undefined) {
      asked += 1
      try {
        await client.delete(path)
        return 'removed'
      } catch (error) {
        // An earlier try whose answer was lost may have been the one that removed it.
        if (isZooKeeperError(error, 'NONODE')) return asked > 1 ? 'removed' : 'absent'
        if (isZooKeeperError(error, 'SESSIONEXPIRED')) return 'absent'
        if (!isZooKeeperError(error, 'CONNECTIONLOSS')) throw error
      }
    }
    return 'absent'
  }

  async #insist(ask: () => Promise<void>): Promise<void> {
    while (this.#removing === undefined) {
      try {
        return await ask()
      } catch (error) {
        if (!isZooKeeperError(error, 'CONNECTIONLOSS') || this.#options.client.end !== undefined) throw error
      }
    }
  }
}
