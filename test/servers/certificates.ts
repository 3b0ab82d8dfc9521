/** Certificates for servers on loopback, made on the spot and good for two days. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Files, as servers want them. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Signed by itself: it is its own authority. */
export function selfSigned(folder: string, name: string): Certificate {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2']
  execFileSync('openssl', ['req', ...kind, '-keyout', key, '-out', cert, ...subject], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  return { cert, key }
}

/** The texts of the files, as clients want them. */
export function pemsOf(client: Certificate, server: Certificate) {
  const read = (file: string): string => readFileSync(file, 'utf8')
  return { ca: read(server.cert), cert: read(client.cert), key: read(client.key) }
}
