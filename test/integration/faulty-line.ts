/** A process's way to the cluster as a real network hurts it: a TCP proxy before every peer. */
import { FaultProxy } from '../servers/proxy.ts'
import { portOf, type Peers } from './loopback.ts'

/** How the frames begin that answer a client's requests. */
const answers = /\{"type":"(results|opened)"/

export class FaultyLine {
  /** The same peers, at the addresses of the proxies. */
  readonly peers: Peers
  readonly #proxies: readonly FaultProxy[]

  private constructor(peers: Peers, proxies: readonly FaultProxy[]) {
    this.peers = peers
    this.#proxies = proxies
  }

  static async to(peers: Peers): Promise<FaultyLine> {
    const proxies = await FaultProxy.toAll(Object.values(peers).map(portOf))
    const proxied = Object.keys(peers).map((id, index) => [id, proxies[index]!.address] as const)
    return new FaultyLine(Object.fromEntries(proxied), proxies)
  }

  /** Nothing passes, in either direction, the ends of connections included; what was sent waits. */
  cut(): void {
    for (const proxy of this.#proxies) proxy.blackHole()
  }

  async heal(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.heal()))
  }

  /** The next answer is lost, whichever peer gives it, and its connection with it: TCP loses nothing else. */
  loseNextReply(): void {
    let isLost = false
    const matches = (piece: Buffer): boolean => {
      if (isLost || !answers.test(piece.toString('latin1'))) return false
      return (isLost = true)
    }
    for (const proxy of this.#proxies) proxy.loseAnswer(matches)
  }

  delayReplies(ms: number): void {
    for (const proxy of this.#proxies) proxy.delay(ms, 'down')
  }

  /** As the kernel does when it collects a killed process. Nothing of the process is heard afterwards. */
  async destroy(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.close()))
  }
}
