/** Events of the history and actions of a plan as one line each. */
import type { CoreAction } from '../core/core-plan.ts'
import type { HistoryEvent } from '../history.ts'
import type { Action } from '../plan.ts'
import type { Line } from './summary.ts'

/** What every event has, or what its actor says already. */
const untold = new Set(['at', 'sequence', 'process', 'run', 'type'])
const longest = 160

export function lineOfEvent(event: HistoryEvent): Line {
  const { at, process, type } = event
  return lineOf(at, process, type, event)
}

export function lineOfAction(action: Action | CoreAction): Line {
  return lineOf(action.at, 'process' in action ? action.process : '', action.type, action)
}

/** `record`: what else there is to say about it. */
export function lineOf(atMs: number, actor: string, what: string, record: object): Line {
  return { atMs, actor, text: shortened(`${what}${details(record)}`) }
}

function details(record: object): string {
  return Object.entries(record)
    .filter(([key]) => !untold.has(key))
    .map(([key, value]) => ` ${key}=${textOf(value)}`)
    .join('')
}

function textOf(value: unknown): string {
  if (value instanceof Error) return value.message
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`
  const inner = Object.entries(value as Readonly<Record<string, unknown>>)
  // A message wrapped in its kind reads better without the wrap.
  return `{${inner.map(([key, one]) => `${key}: ${textOf(one)}`).join(', ')}}`
}

function shortened(text: string): string {
  const flat = text.replaceAll(/\s+/g, ' ')
  return flat.length > longest ? `${flat.slice(0, longest - 1)}…` : flat
}
