// A TCP proxy that can stop forwarding, both ways, without telling anybody.
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

export async function blackHoleBefore(port) {
  let open = true
  const sockets = new Set()
  const server = createServer((near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(from)
      from.on('data', (piece) => open && to.write(piece))
      from.on('error', () => undefined)
      from.on('close', () => {
        sockets.delete(from)
        if (open) to.destroy()
      })
    }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: server.address().port,
    swallow: () => (open = false),
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
