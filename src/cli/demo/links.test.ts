import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { once } from 'node:events'
import { afterEach, expect, it } from 'vitest'
import { Link, Links } from './links.ts'
import { freePorts } from './ports.ts'

const open: { close(): unknown }[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

/** Answers with what it is sent. */
async function echo(port = 0): Promise<{ readonly port: number; kill(): void }> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined))
    socket.pipe(socket)
  })
  server.listen({ host: '127.0.0.1', port })
  await once(server, 'listening')
  const kill = (): void => {
    server.close()
    for (const socket of sockets) socket.destroy()
  }
  open.push({ close: kill })
  return { port: (server.address() as AddressInfo).port, kill }
}

async function linkTo(target: number): Promise<{ readonly link: Link; readonly port: number }> {
  const [port = 0] = await freePorts(1)
  const link = new Link(port, target)
  await link.open()
  open.push(link)
  return { link, port }
}

async function dial(port: number): Promise<Socket & { heard: string }> {
  const socket = Object.assign(connect({ host: '127.0.0.1', port }), { heard: '' })
  open.push({ close: () => socket.destroy() })
  socket.setEncoding('utf8').on('data', (text: string) => (socket.heard += text))
  const connected = once(socket, 'connect')
  socket.on('error', () => undefined)
  await connected
  return socket
}

async function hears(socket: Socket & { heard: string }, text: string): Promise<void> {
  while (socket.heard !== text) await once(socket, 'data')
}

/** However it ends: by a reset, too. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

const refused = expect.objectContaining({ code: 'ECONNREFUSED' }) as Error

it('passes on what is said, in both directions', async () => {
  const { port } = await linkTo((await echo()).port)
  const socket = await dial(port)
  socket.write('hello')
  await hears(socket, 'hello')
})

it('cut: swallows what is said without closing anything, and takes new connections; healed, it goes on', async () => {
  const { link, port } = await linkTo((await echo()).port)
  const before = await dial(port)
  before.write('1')
  await hears(before, '1')
  link.cut = true
  const during = await dial(port)
  before.write('2')
  during.write('3')
  // Another connection to the same process and back shows that there was time enough.
  const { port: beside } = await linkTo((await echo()).port)
  const other = await dial(beside)
  other.write('4')
  await hears(other, '4')
  expect([before.heard, during.heard, before.closed, during.closed]).toEqual(['1', '', false, false])
  link.cut = false
  await Promise.all([hears(before, '12'), hears(during, '3')])
})

it('the target dies: connections end only when the next dial is refused, for that is how a death looks', async () => {
  const target = await echo()
  const { link, port } = await linkTo(target.port)
  const socket = await dial(port)
  socket.write('1')
  await hears(socket, '1')
  target.kill()
  await closed(socket)
  await expect(dial(port)).rejects.toEqual(refused)
  await echo(target.port)
  await link.open()
  const again = await dial(port)
  again.write('2')
  await hears(again, '2')
})

it('a target that was dead from the start: the first dial is broken, the next one refused', async () => {
  const [target = 0] = await freePorts(1)
  const { port } = await linkTo(target)
  const socket = await dial(port)
  await closed(socket)
  await expect(dial(port)).rejects.toEqual(refused)
})

it('a cut between three peers touches every link of the one, and none of the others', async () => {
  const echoes = await Promise.all(['a', 'b', 'c'].map(() => echo()))
  const ports = [...echoes.map(({ port }) => port), ...(await freePorts(6))]
  const links = new Links(['a', 'b', 'c'], ports)
  open.push(links)
  await links.open()
  links.cut(new Set(['a']))
  const portOf = (from: string, to: string): number =>
    Number(links.addressesFor(from)[to]?.replace('127.0.0.1:', ''))
  const cut = await Promise.all(
    [
      ['a', 'b'],
      ['a', 'c'],
      ['b', 'a'],
      ['c', 'a'],
    ].map(async ([from = '', to = '']) => {
      const socket = await dial(portOf(from, to))
      socket.write('x')
      return socket
    }),
  )
  for (const [from, to] of [
    ['b', 'c'],
    ['c', 'b'],
  ] as const) {
    const socket = await dial(portOf(from, to))
    socket.write('y')
    await hears(socket, 'y')
  }
  expect(cut.map(({ heard }) => heard)).toEqual(['', '', '', ''])
  links.cut(new Set())
  await Promise.all(cut.map((socket) => hears(socket, 'x')))
})
