import type { PeerId } from '../../quorum/types.ts'
import type { PaxosRequest } from '../types.ts'
import type { ProposerEffect } from './state.ts'

/** `to` null: every acceptor. */
export function send(effects: ProposerEffect[], to: PeerId | null, request: PaxosRequest): void {
  effects.push({ type: 'send', to, request })
}
