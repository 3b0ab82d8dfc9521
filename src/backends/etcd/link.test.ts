import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Link } from './link.ts'

let server: Server
let link: Link
const sockets: Socket[] = []

beforeEach(async () => {
  // Accepts, and says nothing: no HTTP/2 connection ever comes up.
  server = createServer((socket) => sockets.push(socket.on('error', () => undefined)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  link = new Link(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {}, () => 0)
})

afterEach(async () => {
  await link.close()
  for (const socket of sockets.splice(0)) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

it('fails a stream that had not begun when its connection is dropped', async () => {
  const stream = await link.request('POST', '/x', {})
  const failed = once(stream, 'error')
  link.drop()
  await failed
})

it('fails a request that waits for its connection when that is dropped', async () => {
  const requested = link.request('POST', '/x', {})
  const stream = requested.then((each) => once(each, 'error'))
  link.drop()
  await stream.catch(() => undefined)
})

it('resolves its end when no socket is left, and connects no more', async () => {
  await link.request('POST', '/x', {}).then((stream) => stream.on('error', () => undefined))
  await link.close()
  await expect(link.request('POST', '/x', {})).rejects.toThrow('closed')
})
