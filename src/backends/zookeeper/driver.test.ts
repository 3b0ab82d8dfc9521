/** Servers that go away in the middle, and what cannot be used at all: told in bounded time, and everything is closed. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { JuteWriter } from '../../clients/zookeeper/jute.ts'
import { zookeeperGuard } from '../../fencing/index.ts'
import { zookeeper, type ZooKeeperOptions } from '../zookeeper.ts'

let server: Server
let address = ''
const sockets: Socket[] = []

/** Grants every session, and then says nothing more. */
beforeEach(async () => {
  server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined))
    const granted = new JuteWriter().int(0).int(1000).long(7n).buffer(Buffer.alloc(16))
    socket.once('data', () => socket.write(granted.frame()))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

const backendOn = (options: Partial<ZooKeeperOptions> = {}) =>
  zookeeper({
    ...{ servers: [address], sessionMs: 1000, connectMs: 300, onBackgroundFailure: () => undefined },
    ...options,
  })

it('servers that grant a session and then nothing are told, not waited for', async () => {
  const backend = backendOn()
  await expect(backend.share({ candidateId: 'a' }, {})).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
  await expect(backend.shareObserver({})).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
  await backend.close()
})

it('a guard does not wait for them either', async () => {
  const guard = zookeeperGuard({ servers: [address], sessionMs: 200 })
  // Granted, and then gone for good.
  server.once('connection', () => setTimeout(() => sockets.forEach((socket) => socket.destroy()), 100))
  server.once('connection', () => server.close())
  const fence = { token: 1n, scope: 's', election: 'e' }
  await expect(guard.write(fence, [])).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' })
  await guard.close()
})

it('a certificate that cannot be read is told with its reason, and the backend closes', async () => {
  const backend = backendOn({ tls: { cert: 'no PEM', key: 'no PEM' } })
  const error: unknown = await backend.share({ candidateId: 'a' }, {}).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'BACKEND_UNAVAILABLE', message: expect.stringMatching(/PEM/) })
  await backend.close()
})
