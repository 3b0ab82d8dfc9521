// Three processes in one election, whose leader is ended again and again; ms until the next one prints that it leads.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { eachLine, now, sleep } from './figures.mjs'

const patienceMs = 90_000

export class Contest {
  rawMs = []
  #name
  #command
  #leads
  #spreadMs
  #standMs
  #processes = new Map()
  #told = () => undefined
  #leader

  /**
   * `command(id)`: [file, args] of one candidate. `leads(line, id)`: whether this line of it says that it leads.
   * `standMs`: so long until a candidate that was started stands. `spreadMs`: over so long are the ends spread, so that
   * they fall into every phase of those who poll.
   */
  constructor({ name, command, leads = (line, id) => line === id, standMs = 700, spreadMs = 200 }) {
    this.#name = name
    this.#command = command
    this.#leads = leads
    this.#standMs = standMs
    this.#spreadMs = spreadMs
  }

  async open() {
    const first = this.#next(() => true)
    for (const id of ['a', 'b', 'c']) this.#start(id)
    this.#leader = (await first).id
    await sleep(this.#standMs + 300)
  }

  async trial(signal) {
    await sleep(randomInt(0, this.#spreadMs))
    const victim = this.#leader
    const child = this.#processes.get(victim)
    const gone = new Promise((resolve) => child.once('exit', resolve))
    const successor = this.#next((id) => id !== victim)
    const since = now()
    child.kill(signal)
    const { id, seen } = await successor
    this.rawMs.push(seen - since)
    this.#leader = id
    await gone
    this.#start(victim)
    // Until it stands: a queue of three again.
    await sleep(this.#standMs)
  }

  close() {
    for (const child of this.#processes.values()) child.kill('SIGKILL')
  }

  #start(id) {
    const [file, args] = this.#command(id)
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    eachLine(child.stdout, (line) => {
      if (this.#leads(line, id)) this.#told({ id, seen: now() })
    })
    this.#processes.set(id, child)
  }

  #next(fits) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.#name}: nobody leads`)), patienceMs)
      this.#told = (event) => {
        if (!fits(event.id)) return
        clearTimeout(timer)
        resolve(event)
      }
    })
  }
}
