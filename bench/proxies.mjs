// A process that stands between peers so that a death leaves no trace but silence: whoever dials a dead peer is accepted,
// and nothing that was open is closed. Nobody can tell this from a machine that lost power, and the connection hint
// of the product (a refused dial) never comes: this is how it is turned off without an option that nobody else needs.
// Over IPC: {ports: real port by peer} → {proxies: port by peer}; 'bury' drops what hangs on the dead.
import { connect, createServer } from 'node:net'

/** Sockets whose other side is gone or not there yet. */
const halves = new Set()

function ignoreErrors(socket) {
  socket.on('error', () => undefined)
  return socket
}

function join(one, other) {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ]) {
    from.pipe(to, { end: false })
    from.on('close', () => {
      if (to.destroyed) return
      to.unpipe()
      to.resume()
      halves.add(to)
    })
    from.on('end', () => from.destroy())
  }
}

/** Tries until the peer is back; what the dialler sends meanwhile waits in its socket. */
function reach(port, caller) {
  if (caller.destroyed) return
  const target = ignoreErrors(connect({ port, host: '127.0.0.1', noDelay: true }))
  target.once('connect', () => {
    target.removeAllListeners('close')
    halves.delete(caller)
    join(caller, target)
  })
  target.once('close', () => setTimeout(() => reach(port, caller), 10))
}

async function proxyFor(port) {
  const server = createServer({ noDelay: true, pauseOnConnect: true, allowHalfOpen: false }, (caller) => {
    ignoreErrors(caller).on('close', () => halves.delete(caller))
    halves.add(caller)
    reach(port, caller)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server.address().port
}

process.on('disconnect', () => process.exit())
process.on('message', (message) => {
  if (message === 'bury') {
    for (const socket of halves) socket.destroy()
    halves.clear()
    return
  }
  const entries = Object.entries(message.ports).map(async ([id, port]) => [id, await proxyFor(port)])
  void Promise.all(entries).then((all) => process.send?.({ proxies: Object.fromEntries(all) }))
})
