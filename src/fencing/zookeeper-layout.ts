/** Where things lie below the chroot: what the backend writes and its guard reads. */

/** Holds the id of this data, and below it the metadata of candidates, each by the guid in its node's name. */
export const ownPath = '/.mandate'

/** Holds the candidates of one election, each by the znode that its session keeps. */
export function electionPath(election: string): string {
  return `/${election}`
}
