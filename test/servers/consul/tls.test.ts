/** A Consul that speaks TLS, and takes only clients that have a certificate. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Backend } from '../../../src/backends/backend.ts'
import { consul } from '../../../src/backends/consul.ts'
import type { ConsulTls } from '../../../src/backends/consul.ts'
import { createElection } from '../../../src/election/election.ts'
import { job, Stage } from '../../cli/processes.ts'
import { refusal } from '../../integration/loopback.ts'
import { pemsOf, selfSigned } from '../certificates.ts'
import type { Certificate } from '../certificates.ts'
import { ConsulServers } from '../consul.ts'

const folder = mkdtempSync(join(tmpdir(), 'mandate-consul-tls-'))
const backends: Backend[] = []
let servers: ConsulServers
let stage: Stage
let [server, client]: Certificate[] = []

beforeAll(async () => {
  ;[server, client] = [selfSigned(folder, 'server'), selfSigned(folder, 'client')]
  const { cert: cert_file, key: key_file } = server
  servers = await ConsulServers.start({
    tls: { cert_file, key_file, ca_file: client.cert, verify_incoming_https: true },
  })
})
beforeEach(() => (stage = new Stage()))
afterEach(async () => {
  await stage.close()
  await Promise.all(backends.splice(0).map((backend) => backend.close()))
})
afterAll(async () => {
  await servers.close()
  rmSync(folder, { recursive: true, force: true })
})

function campaign(tls: ConsulTls, address = `127.0.0.1:${servers.first.httpsPort}`) {
  const backend = consul({ address, prefix: 'tls', tls, onBackgroundFailure: () => undefined })
  backends.push(backend)
  return createElection({ name: 'billing', backend }).campaign()
}

it('the server is checked by its authority, and the client shows its certificate', async () => {
  const tls = pemsOf(client!, server!)
  const leadership = await campaign(tls)
  expect(leadership.isValid()).toBe(true)
  expect(await leadership.proclaim({ version: '2' })).toBe('done')
  await leadership.resign()
  const bare = await refusal(() => campaign({ ca: tls.ca }))
  expect(bare.code).toBe('BACKEND_UNAVAILABLE')
  const { ca: _, ...own } = tls
  expect(await refusal(() => campaign(own))).toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    message: expect.stringMatching(/self.signed/),
  })
})

it('a server of another name is refused, unless that name is the one that is wanted', async () => {
  const tls = pemsOf(client!, server!)
  expect(await refusal(() => campaign({ ...tls, serverName: 'consul.example' }))).toMatchObject({
    code: 'BACKEND_UNAVAILABLE',
    message: expect.stringMatching(/altnames/),
  })
})

it('a plain agent where TLS is wanted, and TLS where a plain one is, are told', async () => {
  const tls = pemsOf(client!, server!)
  const plain = await refusal(() => campaign(tls, `https://${servers.first.address}`))
  expect(plain.code).toBe('BACKEND_UNAVAILABLE')
  const backend = consul({ address: `127.0.0.1:${servers.first.httpsPort}`, prefix: 'tls' })
  backends.push(backend)
  const secure = await refusal(() => createElection({ name: 'billing', backend }).campaign())
  expect(secure.message).toMatch(/HTTPS/)
})

it('the command takes the files by the keys of its URL', async () => {
  const keys = `tls-ca=${server!.cert}&tls-cert=${client!.cert}&tls-key=${client!.key}`
  const backend = `consul://127.0.0.1:${servers.first.httpsPort}/cli?${keys}`
  const a = stage.start(['run', 'billing', '--backend', backend, '--id', 'a', '--', 'node', job])
  await a.commandPid()
  expect(await stage.finish(['leader', 'billing', '--backend', backend])).toMatchObject({
    code: 0,
    stdout: 'a\n',
  })
  a.kill('SIGTERM')
  await a.ended
  const said = await stage.finish([
    ...['leader', 'billing', '--backend'],
    `consul://127.0.0.1:1/cli?tls-ca=${join(folder, 'absent.pem')}`,
  ])
  expect(said).toMatchObject({ code: 78, stderr: expect.stringContaining('absent.pem') })
}, 60_000)
