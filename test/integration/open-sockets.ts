import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/** The sockets that this process opens, by the port they lead to: those of a backend lead to its proxies. */
export function watchSockets(): { to(ports: readonly number[]): number; close(): void } {
  const all = new Map<Socket, number>()
  const opened = (message: unknown): void => {
    const { socket } = message as { socket: Socket }
    const connected = (): void => {
      if (socket.remotePort !== undefined) all.set(socket, socket.remotePort)
    }
    // Every world of a suite that runs at once watches all.
    socket.setMaxListeners(0)
    socket.once('connect', connected)
    socket.once('close', () => all.delete(socket))
  }
  subscribe('net.client.socket', opened)
  return {
    to: (ports) => [...all.values()].filter((port) => ports.includes(port)).length,
    close: () => void unsubscribe('net.client.socket', opened),
  }
}
