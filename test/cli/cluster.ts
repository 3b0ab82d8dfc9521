/** Three peers on loopback, as three processes. */
import { freePorts } from '../../src/cli/demo/ports.ts'
import type { Mandate, Stage } from './processes.ts'
import { until } from './processes.ts'

export const peerIds = ['a', 'b', 'c'] as const
export type PeerId = (typeof peerIds)[number]

export class Cluster {
  readonly url: string
  readonly #stage: Stage

  private constructor(stage: Stage, url: string) {
    this.#stage = stage
    this.url = url
  }

  static async plan(stage: Stage, keys = '', engine = 'raft'): Promise<Cluster> {
    const ports = await freePorts(peerIds.length)
    const peers = peerIds.map((id, index) => `${id}@127.0.0.1:${ports[index]}`)
    return new Cluster(stage, `${engine}://${peers.join(',')}${keys}`)
  }

  /** `run job`, with a vote. */
  run(id: PeerId, ...rest: string[]): Mandate {
    const args = ['run', 'job', '--self', id, '--data', `./data/${id}`, '--log-format', 'json', ...rest]
    return this.#stage.start(args, { MANDATE_BACKEND: this.url })
  }

  peer(id: PeerId): Mandate {
    return this.#stage.start(['peer', '--self', id, '--data', `./data/${id}`], { MANDATE_BACKEND: this.url })
  }

  /** Any command, as a client. */
  ask(...args: string[]) {
    return this.#stage.finish(args, { MANDATE_BACKEND: this.url })
  }

  async askJson(...args: string[]) {
    const { code, stdout } = await this.ask(...args, '--json')
    return { code, answer: JSON.parse(stdout) as Record<string, never> }
  }
}

/** Who of them runs the command now, once somebody does. */
export async function leading(runs: readonly Mandate[], lives = 1): Promise<Mandate> {
  const count = (): number => runs.reduce((sum, run) => sum + run.told('start').length, 0)
  await until(
    () => count() >= lives,
    `life ${lives} of the command`,
    () => runs.map((run) => run.stderr).join('\n'),
  )
  const starts = runs.flatMap((run) =>
    run.told('start').map((line) => ({ run, at: BigInt(String(line['at'])) })),
  )
  const last = starts.toSorted((x, y) => (x.at < y.at ? -1 : 1)).at(-1)
  if (last === undefined) throw new Error('nobody leads')
  return last.run
}
