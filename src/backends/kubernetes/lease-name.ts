import { MandateError } from '../../errors.ts'

/** A DNS-1123 subdomain, which is what Kubernetes takes for the name of an object. */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

/** @throws INVALID_NAME */
export function checkedLeaseName(name: string): string {
  if (name.length <= 253 && SUBDOMAIN.test(name)) return name
  const reason =
    'names a Lease, so it is at most 253 small letters, digits, `-` and `.`, beginning and ending with a letter or digit'
  const message = `election name ${JSON.stringify(name)} ${reason}: rename the election, or name its Lease with the option \`lease\``
  throw new MandateError('INVALID_NAME', message, { name, reason })
}
