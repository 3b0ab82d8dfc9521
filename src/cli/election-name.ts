import { MandateError } from '../errors.ts'
import { holdsControl } from './control-characters.ts'

/** Refuses what no backend could take, before anything is started. @throws INVALID_NAME */
export function checkElectionName(name: string): void {
  const bytes = Buffer.byteLength(name)
  const hasControl = holdsControl(name)
  if (bytes >= 1 && bytes <= 253 && !hasControl) return
  const reason = hasControl ? 'it holds a control character' : `it has ${bytes} bytes`
  const message = `The election name ${JSON.stringify(name)} cannot be used: ${reason}. Write 1 to 253 bytes of text.`
  throw new MandateError('INVALID_NAME', message, { name, reason })
}
