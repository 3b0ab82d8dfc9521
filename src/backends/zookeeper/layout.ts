/**
 * Where things lie below the chroot: each election is a container of its own, named as the election, that holds what its
 * dialect says and nothing else, because Curator takes every child for a candidate. What only we know is beside them.
 */
import { MandateError } from '../../errors.ts'
import { ownPath } from '../../fencing/zookeeper-layout.ts'
import type { Acl } from '../../clients/zookeeper/records.ts'

export function metadataPath(guid: string): string {
  return `${ownPath}/${guid}`
}

/** What the server refuses in a path (`PathUtils.validatePath`), beyond what every backend refuses. */
const refused = /[\ud800-\uf8ff\ufff0-\uffff]/

/** @throws INVALID_NAME */
export function checkZnodeName(election: string): void {
  const reason =
    election === '.' || election === '..'
      ? 'means another znode'
      : election === '.mandate' || election === 'zookeeper'
        ? 'is taken: a znode of that name serves another purpose'
        : refused.test(election)
          ? 'holds a character that ZooKeeper refuses in paths (above U+FFFF, or private use)'
          : undefined
  if (reason === undefined) return
  throw new MandateError('INVALID_NAME', `election name ${JSON.stringify(election)} ${reason}`, {
    name: election,
    reason,
  })
}

/** Undefined for one that can be used; else what is wrong with it. */
export function chrootProblem(chroot: string): string | undefined {
  if (chroot === '') return undefined
  if (!chroot.startsWith('/') || chroot.endsWith('/'))
    return "a path such as '/app', without a slash at its end"
  const names = chroot.slice(1).split('/')
  if (names.some((name) => name === '' || name === '.' || name === '..'))
    return "a path without empty, '.' and '..' parts"
  if (/\p{Cc}/u.test(chroot) || refused.test(chroot)) return 'a path of characters that ZooKeeper takes'
  return undefined
}

const ALL = 31
const READ = 1

export type AclPolicy = 'open' | 'creator'

/** `creator`: who authenticated alike may do everything, everybody may read. */
export function aclOf(policy: AclPolicy): readonly Acl[] {
  if (policy === 'open') return [{ perms: ALL, scheme: 'world', id: 'anyone' }]
  return [
    { perms: ALL, scheme: 'auth', id: '' },
    { perms: READ, scheme: 'world', id: 'anyone' },
  ]
}

export function describeAcl(acl: readonly Acl[]): string {
  return acl.map(({ perms, scheme, id }) => `${scheme}:${hidden(scheme, id)}:${letters(perms)}`).join(', ')
}

/** The digest in an ACL is a hash of a password, and no business of a log. */
function hidden(scheme: string, id: string): string {
  return scheme === 'digest' ? `${id.split(':')[0]}:***` : id
}

function letters(perms: number): string {
  return ['r', 'w', 'c', 'd', 'a'].filter((_, bit) => (perms & (1 << bit)) !== 0).join('')
}
