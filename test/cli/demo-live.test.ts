/** `mandate demo` on a terminal: a real one, whose keys are pressed and whose screen is read, by tmux. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nothingStays, processesOfTheDemo, titleOf } from './demo-leftovers.ts'
import { Stage, until } from './processes.ts'

const bin = fileURLToPath(new URL('../../bin/mandate.js', import.meta.url))
const hasTmux = spawnSync('tmux', ['-V']).status === 0
const isRequired = process.env['MANDATE_REQUIRE_SERVERS'] === 'all'

let stage: Stage
let temporary: string
let terminal: Terminal

beforeEach(() => {
  stage = new Stage()
  temporary = join(stage.folder, 'tmp')
  mkdirSync(temporary)
})
afterEach(async () => {
  terminal.close()
  for (const pid of processesOfTheDemo(temporary)) stage.track(pid)
  await stage.close()
})

class Terminal {
  readonly #socket = join(stage.folder, 'tmux')

  /** Runs a demo between two lines of the shell, so that one sees whether the screen was given back. */
  constructor(flags: string, columns = 80, rows = 24, variables = '') {
    const demo = `env TMPDIR='${temporary}' ${variables} '${process.execPath}' '${bin}' demo ${flags}`
    const script = `trap : INT; echo before the demo; ${demo}; echo the demo ended with $?; exec sleep 1000`
    const size = ['-x', String(columns), '-y', String(rows)]
    const locale = { LC_ALL: 'C.UTF-8', TERM: 'xterm-256color' }
    const env = { PATH: process.env['PATH'], HOME: stage.folder, SHELL: '/bin/sh', ...locale }
    this.#tmux(['-f', '/dev/null', 'new-session', '-d', ...size, script], env)
  }

  press(...keys: readonly string[]): void {
    this.#tmux(['send-keys', ...keys])
  }

  resize(columns: number, rows: number): void {
    this.#tmux(['resize-window', '-x', String(columns), '-y', String(rows)])
  }

  screen(): string {
    return this.#tmux(['capture-pane', '-p'])
  }

  /** Of a peer, without what moves. */
  row(id: string): string {
    return this.screen().match(new RegExp(`^..\\d ${id} .*$`, 'm'))?.[0] ?? ''
  }

  modes(): string {
    return this.#tmux(['display-message', '-p', 'cursor #{cursor_flag} alternate #{alternate_on}']).trim()
  }

  async shows(what: RegExp): Promise<void> {
    await until(
      () => what.test(this.screen()),
      String(what),
      () => this.screen(),
    )
  }

  /** Waits until another one than `former` leads and works. */
  async led(former = ''): Promise<string> {
    const leader = (): string | undefined => this.screen().match(/^ ([a-e]) LEADS with token/m)?.[1]
    const works = (): boolean => this.screen().includes(`written by ${leader()} `)
    const isNew = (): boolean => leader() !== undefined && leader() !== former && works()
    await until(isNew, `another leader than '${former}'`, () => this.screen())
    return leader() ?? ''
  }

  async givenBack(code: number): Promise<void> {
    await this.shows(new RegExp(`the demo ended with ${code}`))
    expect(this.screen()).toContain('before the demo')
    expect(this.modes()).toBe('cursor 1 alternate 0')
  }

  close(): void {
    spawnSync('tmux', ['-S', this.#socket, 'kill-server'])
  }

  #tmux(args: readonly string[], env?: NodeJS.ProcessEnv): string {
    const all = ['-u', '-S', this.#socket, ...args]
    return execFileSync('tmux', all, { encoding: 'utf8', ...(env !== undefined && { env }) })
  }
}

// A check that must not be missed fails without tmux, by name; elsewhere it is optional.
describe.skipIf(!hasTmux && !isRequired)('the demo on a terminal', { timeout: 240_000 }, () => {
  it('does what its keys say, and ends with what to try next', async () => {
    // A slow lease: what is tested is the keys, not this machine.
    terminal = new Terminal('--timing default')
    const first = await terminal.led()
    await terminal.shows(/^ Press k: kill -9 strikes the leader/m)
    expect(terminal.modes()).toBe('cursor 0 alternate 1')

    terminal.press('k')
    const second = await terminal.led(first)
    await terminal.shows(new RegExp(`${second} took over from ${first}`))
    await terminal.shows(new RegExp(`kill -9 ${first}`))
    expect(terminal.row(first)).toContain('✗ dead')

    terminal.press('r')
    await until(
      () => terminal.row(first).includes('· waits'),
      'the restart',
      () => terminal.screen(),
    )

    await terminal.shows(/^ Press p: /m)
    terminal.press('p')
    const third = await terminal.led(second)
    expect(terminal.row(second)).toContain('‖ paused')
    expect(terminal.screen()).toContain('0 refused')
    terminal.press('c')
    await terminal.shows(new RegExp(`REFUSED: ${second} writes with token`))
    await terminal.shows(/0 missing, 0 twice, 1 refused/)
    expect(terminal.row(second)).toMatch(/ 1$/)

    await terminal.shows(/^ Press x: /m)
    terminal.press('x')
    const fourth = await terminal.led(third)
    expect(terminal.row(third)).toContain('≠ cut off')
    await terminal.shows(new RegExp(`${third} knows that it lost token`))
    terminal.press('h')
    await until(
      () => terminal.row(third).includes('· waits') && terminal.row(third).includes(` ${fourth} `),
      'the healed peer to learn who leads',
      () => terminal.screen(),
    )

    terminal.press('g')
    await terminal.shows(new RegExp(`LEADS with token \\d+, .* after the resignation of ${fourth}`))

    terminal.press('?')
    await terminal.shows(/Any key goes back/)
    terminal.press('Space')
    await terminal.shows(/^ {2}peer pid/m)
    terminal.press('2')
    await terminal.shows(/^ »2 b /m)
    terminal.press('Escape')
    await terminal.shows(/^ >\d/m)

    terminal.press('q')
    await terminal.givenBack(0)
    const text = terminal.screen()
    expect(text).toMatch(/^kill -9 of [abc] .* ms$/m)
    expect(text).toMatch(/^\d+ lines, 0 duplicates, 0 gaps, 1 refused$/m)
    expect(text.match(/^ {2}\S.* (?:run|status|demo) .*$/gm)).toHaveLength(3)
    await nothingStays(temporary)
  })

  it('draws itself again for every size, and Ctrl-C leaves it, also with peers dead, paused and cut off', async () => {
    terminal = new Terminal('--exclusivity token --peers 5', 120, 40)
    await terminal.led()
    terminal.resize(70, 20)
    await terminal.shows(/This window is 70x20/)
    terminal.resize(100, 30)
    await terminal.shows(/^ {2}peer pid/m)
    terminal.press('1', 'k', '2', 'p', '3', 'x')
    for (const [id, state] of [
      ['a', 'dead'],
      ['b', 'paused'],
      ['c', 'cut off'],
    ] as const) {
      const isSo = (): boolean => terminal.row(id).toLowerCase().includes(state)
      await until(isSo, `${id} to be ${state}`, () => terminal.screen())
    }
    await terminal.shows(/No majority, so nobody may lead/)
    terminal.press('C-c')
    await terminal.givenBack(0)
    await nothingStays(temporary)
  })

  it.each([
    ['SIGTERM', 'demo', 143],
    ['SIGKILL', 'reaper', 125],
  ] as const)('gives the terminal back after %s to the %s', async (signal, whom, code) => {
    terminal = new Terminal('')
    await terminal.led()
    const all = processesOfTheDemo(temporary)
    const pid = all.find((each) => titleOf(each).includes(whom === 'demo' ? 'mandate.js' : 'demo reaper'))
    process.kill(pid ?? 0, signal)
    await terminal.givenBack(code)
    await nothingStays(temporary)
  })

  it('gives the terminal back before it says what went wrong in the demo itself', async () => {
    const thrower = join(stage.folder, 'thrower.mjs')
    writeFileSync(thrower, `process.on('SIGUSR2', () => { throw new Error('a defect') })`)
    terminal = new Terminal('', 80, 24, `NODE_OPTIONS='--import=${thrower}'`)
    await terminal.led()
    const pid = processesOfTheDemo(temporary).find((each) => titleOf(each).includes('mandate.js'))
    process.kill(pid ?? 0, 'SIGUSR2')
    await terminal.givenBack(125)
    expect(terminal.screen()).toContain('a defect')
    await nothingStays(temporary)
  })

  it('leaves nothing behind when the terminal itself goes away', async () => {
    terminal = new Terminal('')
    await terminal.led()
    terminal.close()
    await nothingStays(temporary)
  })

  it('tells of a peer that somebody else killed, and goes on', async () => {
    terminal = new Terminal('--timing default')
    const first = await terminal.led()
    const pid = processesOfTheDemo(temporary).find((each) => titleOf(each).includes(`demo peer ${first}`))
    process.kill(pid ?? 0, 'SIGKILL')
    await terminal.led(first)
    await terminal.shows(new RegExp(`${first} died \\(SIGKILL\\)`))
    terminal.press('q')
    await terminal.givenBack(0)
    await nothingStays(temporary)
  })

  it.each([
    ['79 columns', 79, 24, ''],
    ['23 rows', 80, 23, ''],
    ['NO_COLOR', 80, 24, 'NO_COLOR=1'],
    ['TERM=dumb', 80, 24, 'TERM=dumb'],
  ])('tells the plain story with %s', async (_, columns, rows, variables) => {
    terminal = new Terminal('--exclusivity token', columns, rows, variables)
    await terminal.shows(/elect .* leads with token/)
    expect(terminal.modes()).toBe('cursor 1 alternate 0')
    terminal.press('C-c')
    await terminal.givenBack(130)
    await nothingStays(temporary)
  })
})
