/** The flags of `demo`, each also as a variable (INTERFACES §2). */
import { resolve } from 'node:path'
import type { Exclusivity } from '../../backends/backend.ts'
import type { CommandContext } from '../command.ts'
import { invalidConfiguration } from '../config.ts'

export interface DemoOptions {
  readonly exclusivity: Exclusivity | 'both'
  readonly timing: 'fast' | 'default'
  readonly peers: 3 | 5
  readonly json: boolean
  readonly raw: string | undefined
}

/** @throws INVALID_OPTIONS with every problem */
export function demoOptions({ flags, env, cwd }: CommandContext): DemoOptions {
  const problems: string[] = []
  const choose = <Value extends string>(name: string, known: readonly [Value, ...Value[]]): Value => {
    const variable = `MANDATE_${name.toUpperCase()}`
    const flag = flags[name]
    const given = typeof flag === 'string' ? flag : env[variable] || known[0]
    const value = known.find((each) => each === given)
    if (value === undefined) {
      const source = typeof flag === 'string' ? `--${name}` : variable
      problems.push(`${source}: '${given}' is no choice: write ${known.join(' or ')}`)
    }
    return value ?? known[0]
  }
  const exclusivity = choose('exclusivity', ['both', 'time', 'token'])
  const timing = choose('timing', ['fast', 'default'])
  const peers = choose('peers', ['3', '5'])
  if (problems.length > 0) throw invalidConfiguration(problems)
  const raw = typeof flags['raw'] === 'string' ? flags['raw'] : env['MANDATE_RAW'] || undefined
  return {
    exclusivity,
    timing,
    peers: peers === '3' ? 3 : 5,
    json: flags['json'] === true,
    raw: raw === undefined ? undefined : resolve(cwd, raw),
  }
}
