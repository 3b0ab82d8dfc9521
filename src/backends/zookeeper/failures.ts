/** What a server refused, told in our words: with the znode, its ACL, and what to do. */
import { MandateError, isMandateError } from '../../errors.ts'
import type { ZooKeeperClient } from '../../clients/zookeeper/client.ts'
import { isZooKeeperError } from '../../clients/zookeeper/error-codes.ts'
import type { SessionEnd } from '../../clients/zookeeper/session-machine.ts'
import { describeAcl } from './layout.ts'

export interface Place {
  readonly client: ZooKeeperClient
  /** Whether credentials were given. */
  readonly authenticated: boolean
  /** As the user wrote it. */
  readonly chroot: string
}

/** `what`: what was tried, as a verb phrase; `path`: below the chroot. */
export async function refusalOf(
  error: unknown,
  o: { readonly what: string; readonly path: string; readonly place: Place },
): Promise<MandateError> {
  if (isMandateError(error)) return error
  const { what, path, place } = o
  const whole = `${place.chroot}${path}`
  if (isZooKeeperError(error, 'NOAUTH')) {
    // Who may not create is refused by the znode above.
    const blamed = await place.client.nearestAcl(error.path ?? whole)
    const acl = blamed.acl === undefined ? 'that cannot be read either' : describeAcl(blamed.acl)
    const message = `ZooKeeper refuses to ${what}: ${blamed.path} has the ACL ${acl}`
    if (place.authenticated) {
      return new MandateError('FORBIDDEN', `${message}; grant it to these credentials, or use others`, {
        reason: message,
      })
    }
    return new MandateError(
      'UNAUTHORIZED',
      `${message}; give credentials (MANDATE_ZOOKEEPER_AUTH=user:password)`,
      {
        reason: message,
      },
    )
  }
  if (isZooKeeperError(error, 'AUTHFAILED')) return endError({ why: 'auth-failed' })
  if (isZooKeeperError(error, 'NOCHILDRENFOREPHEMERALS')) {
    const reason = `${whole} lies below an ephemeral znode, which has no children`
    return new MandateError('INVALID_NAME', `ZooKeeper refuses to ${what}: ${reason}`, { name: path, reason })
  }
  if (isZooKeeperError(error, 'ANSWERTOOLONG')) {
    const { length = 0, max = 0 } = error.size ?? {}
    const message = `ZooKeeper's answer has ${length} bytes, of which ${max} are read, so nobody can ${what}: ${whole} has too many children`
    return new MandateError('LIMIT_EXCEEDED', `${message}; raise frameBytesMax, if they are right`, {
      limit: 'bytes of an answer',
      value: length,
      max,
    })
  }
  if (isZooKeeperError(error, 'QUEUEFULL')) {
    return new MandateError('LIMIT_EXCEEDED', 'too many requests wait for ZooKeeper', {
      limit: 'requests',
      value: 65_536,
      max: 65_536,
    })
  }
  const cause = error instanceof Error ? error.message : String(error)
  return new MandateError('BACKEND_UNAVAILABLE', `ZooKeeper did not ${what}: ${cause}`, {}, { cause: error })
}

/** Why a session is over. */
export function endError(end: SessionEnd): MandateError {
  switch (end.why) {
    case 'expired':
      return new MandateError(
        'BACKEND_UNAVAILABLE',
        'the ZooKeeper session has expired, or was closed by another',
        {},
      )
    case 'closed':
      return new MandateError('CLOSED', 'the ZooKeeper session is closed', { what: 'session' })
    case 'auth-failed': {
      const reason = 'ZooKeeper takes no digest credentials, or not these'
      return new MandateError('UNAUTHORIZED', reason, { reason })
    }
    case 'unreachable': {
      const { tried } = end
      const list = tried.map(({ target, reason }) => `${target} (${reason})`).join(', ')
      return new MandateError('BACKEND_UNAVAILABLE', `no ZooKeeper server takes a session: tried ${list}`, {
        tried,
      })
    }
    default:
      return end satisfies never
  }
}
