import { describe, expect, it } from 'vitest'
import { cachedNames, isLoopback, parseAddress, type Lookup } from './tcp-address.ts'

describe('parseAddress', () => {
  it('reads names, IPv4 and bracketed IPv6', () => {
    expect(parseAddress('db-1.local:7401')).toEqual({ host: 'db-1.local', port: 7401 })
    expect(parseAddress('127.0.0.1:0')).toEqual({ host: '127.0.0.1', port: 0 })
    expect(parseAddress('[::1]:80')).toEqual({ host: '::1', port: 80 })
  })

  it.each(['', 'a', 'a:', ':1', '::1:80', 'a:65536', 'a:b', 'a b:1', '[zz]:1', 'a:1 '])(
    'refuses %j',
    (text) => {
      expect(() => parseAddress(text)).toThrow('is no address; write host:port')
    },
  )
})

describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.8.9.1', '::1', 'localhost', 'LOCALHOST', '::ffff:127.0.0.1'])(
    '%s is',
    (host) => {
      expect(isLoopback(host)).toBe(true)
    },
  )

  it.each(['0.0.0.0', '::', '10.0.0.1', '127.evil.example', 'localhost.example', 'example.com'])(
    '%s is not',
    (host) => {
      expect(isLoopback(host)).toBe(false)
    },
  )
})

describe('cachedNames', () => {
  it('asks once for many who wait, keeps an answer that can no longer be renewed, and follows a move', () => {
    const asked: Parameters<Lookup>[] = []
    const names = cachedNames((...question) => asked.push(question))
    const told: (string | undefined)[] = []
    const answer = (error: Error | null, ip: string) => asked.shift()?.[1](error, ip)

    names.refresh('db', (problem) => told.push(problem))
    names.refresh('db', (problem) => told.push(problem))
    expect(asked).toHaveLength(1)
    answer(new Error('name server is down'), '')
    expect(told).toEqual(Array(2).fill('cannot resolve db: name server is down'))
    expect(names.ip('db')).toBeUndefined()

    names.refresh('db')
    answer(null, '10.0.0.1')
    names.refresh('db', (problem) => told.push(problem))
    answer(new Error('name server is down'), '')
    expect([told[2], names.ip('db')]).toEqual([undefined, '10.0.0.1'])

    names.refresh('db')
    answer(null, '10.0.0.2')
    expect(names.ip('db')).toBe('10.0.0.2')
  })

  it('needs no look-up for an IP', () => {
    expect(cachedNames(() => {}).ip('127.0.0.1')).toBe('127.0.0.1')
  })
})
