import type { ObservedState } from '../cluster/messages.ts'
import { MandateError } from '../errors.ts'
import type { ObserveEvents } from './backend.ts'

export function tellObserver(on: ObserveEvents, state: ObservedState): void {
  switch (state.is) {
    case 'led':
      on.led({ id: state.id, token: state.token, metadata: state.metadata })
      return
    case 'vacant':
      on.vacant()
      return
    case 'unknown':
      on.unknown(new MandateError('BACKEND_UNAVAILABLE', `The state is unknown: ${state.reason}.`, {}))
      return
    default:
      state satisfies never
  }
}
