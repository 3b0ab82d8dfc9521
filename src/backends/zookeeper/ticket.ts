import { MandateError } from '../../errors.ts'
import type { SessionTicket } from '../backend.ts'
import type { SessionIdentity } from '../../clients/zookeeper/session-machine.ts'

/** Id and password: who has both may close the session, and nothing else is needed for it. */
export function writeTicket({ id, password }: SessionIdentity): string {
  return `${BigInt.asUintN(64, id).toString(16)}:${Buffer.from(password).toString('hex')}`
}

/** @throws INVALID_OPTIONS */
export function readTicket({ session }: SessionTicket): SessionIdentity {
  const match = /^([0-9a-f]{1,16}):([0-9a-f]{32})$/.exec(session)
  const [, id, password] = match ?? []
  if (id !== undefined && password !== undefined)
    return { id: BigInt.asIntN(64, BigInt(`0x${id}`)), password: Buffer.from(password, 'hex') }
  throw new MandateError('INVALID_OPTIONS', 'this ticket is not one of a ZooKeeper session', {
    option: 'ticket',
    expected: 'the session id and its password, in hexadecimal digits',
  })
}
