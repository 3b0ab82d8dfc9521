import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../integration/loopback.ts'
import { FaultProxy } from './proxy.ts'

let server: Server
let proxy: FaultProxy
/** What the server was sent, by all connections together. */
let heard: string
const sockets: Socket[] = []

beforeEach(async () => {
  heard = ''
  server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (piece) => {
      heard += String(piece)
      socket.write(`echo ${String(piece)}`)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  proxy = await FaultProxy.to((server.address() as AddressInfo).port)
})

afterEach(async () => {
  await proxy.close()
  for (const socket of sockets.splice(0)) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

interface Client {
  readonly socket: Socket
  told: string
  end: string | undefined
}

async function client(): Promise<Client> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' })
  sockets.push(socket)
  const self: Client = { socket, told: '', end: undefined }
  socket.on('data', (piece) => (self.told += String(piece)))
  socket.on('error', (error: NodeJS.ErrnoException) => (self.end = error.code))
  socket.on('close', () => (self.end ??= 'closed'))
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve)
    socket.once('error', () => resolve())
  })
  return self
}

const tells = (self: Client, text: string): Promise<true> =>
  eventually(`'${text}' at the client`, () => (self.told === text ? true : undefined))
const hears = (text: string): Promise<true> =>
  eventually(`'${text}' at the server`, () => (heard === text ? true : undefined))
const ends = (self: Client): Promise<string> => eventually('the end of a connection', () => self.end)

describe('the fault proxy', () => {
  it('passes what is sent, both ways', async () => {
    const self = await client()
    self.socket.write('a')
    await tells(self, 'echo a')
  })

  it('lets nothing through a black hole, tells nobody, and delivers everything after it', async () => {
    const self = await client()
    proxy.blackHole()
    self.socket.write('a')
    const late = await client()
    late.socket.write('b')
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect([heard, self.told, self.end, late.end]).toEqual(['', '', undefined, undefined])
    await proxy.heal()
    await tells(self, 'echo a')
    await tells(late, 'echo b')
  })

  it('has black holes that let one way pass', async () => {
    const self = await client()
    self.socket.write('0')
    await tells(self, 'echo 0')
    proxy.blackHole('down')
    self.socket.write('a')
    await hears('0a')
    expect(self.told).toBe('echo 0')
    await proxy.heal({ held: 'drop' })
    expect(await ends(self)).toBe('ECONNRESET')
    expect(self.told).toBe('echo 0')
  })

  it('loses the reply to a request that was carried out, and the connection with it', async () => {
    const [other, self] = [await client(), await client()]
    proxy.loseReply((piece) => piece.includes('commit'), 20)
    other.socket.write('look')
    await tells(other, 'echo look')
    expect(proxy.armed).toBe(true)
    self.socket.write('commit')
    await hears('lookcommit')
    expect(await ends(self)).toBe('ECONNRESET')
    expect([self.told, other.end, proxy.armed]).toEqual(['', undefined, false])
  })

  it('loses the answer that is meant', async () => {
    const self = await client()
    proxy.loseAnswer((piece) => piece.includes('echo b'))
    self.socket.write('a')
    await tells(self, 'echo a')
    self.socket.write('b')
    expect(await ends(self)).toBe('ECONNRESET')
    expect(self.told).toBe('echo a')
  })

  it('cuts a connection in the middle of an answer', async () => {
    const self = await client()
    proxy.cutAfter(6)
    self.socket.write('abc')
    expect(await ends(self)).toBe('closed')
    expect(self.told).toBe('echo a')
  })

  it('refuses, and takes connections again at the same address', async () => {
    const self = await client()
    await proxy.refuse()
    expect(await ends(self)).toBe('ECONNRESET')
    expect(await ends(await client())).toBe('ECONNREFUSED')
    await proxy.heal()
    const again = await client()
    again.socket.write('a')
    await tells(again, 'echo a')
  })

  it('delays in order', async () => {
    const self = await client()
    proxy.delay(40, 'down')
    const sentAt = performance.now()
    self.socket.write('a')
    await hears('a')
    proxy.delay(0)
    self.socket.write('b')
    await tells(self, 'echo aecho b')
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(39)
  })
})
