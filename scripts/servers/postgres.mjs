// PostgreSQL: `initdb` and `postgres`, which Debian keeps off PATH, in a folder for each version.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { onPath } from './on-path.mjs'

const name = 'postgres'
const installed = '/usr/lib/postgresql'

/** @type {import('../servers.mjs').ServerKind} */
export const postgres = {
  name,
  find() {
    const onTheirPath = onPath('initdb')
    const folders = [
      ...(onTheirPath === undefined ? [] : [dirname(onTheirPath)]),
      ...(existsSync(installed) ? readdirSync(installed).toSorted(newestFirst) : []).map((each) =>
        join(installed, each, 'bin'),
      ),
    ]
    const folder = folders.find(
      (each) => existsSync(join(each, 'initdb')) && existsSync(join(each, 'postgres')),
    )
    if (folder === undefined) return undefined
    const programs = { initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') }
    return { name, version: versionOf(programs.postgres), from: 'PATH', programs }
  },
  fetch() {
    // Its package wants twenty others and a user of its own: that is for the system's own installer.
    throw new Error('neither on PATH nor in /usr/lib/postgresql')
  },
  byHand: 'install it: `apt-get install postgresql`, `brew install postgresql`; its server need not run',
}

function versionOf(program) {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: 10_000 })
  return /(\d+(?:\.\d+)*)/.exec(stdout ?? '')?.[1] ?? '0'
}

const newestFirst = (a, b) => Number(b) - Number(a)
