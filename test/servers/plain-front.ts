/** A server without TLS before one with it, so that a proxy between client and front sees whole requests. */
import { createServer, type Server } from 'node:http'
import { Agent, request } from 'node:https'
import type { AddressInfo } from 'node:net'

export class PlainFront {
  readonly #server: Server
  readonly #agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
  readonly port: number

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  static async to(port: number): Promise<PlainFront> {
    const opened: { front?: PlainFront } = {}
    const server = createServer((incoming, outgoing) => {
      const { method, url, headers } = incoming
      const path = url ?? '/'
      const onward = request(
        { host: '127.0.0.1', port, method, path, headers, agent: opened.front?.agent },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
          outgoing.flushHeaders()
          answer.pipe(outgoing)
          outgoing.on('close', () => answer.destroy())
        },
      )
      onward.on('error', () => outgoing.destroy())
      incoming.pipe(onward)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (opened.front = new PlainFront(server))
  }

  get agent(): Agent {
    return this.#agent
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#agent.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
