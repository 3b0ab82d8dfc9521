import { defineConfig } from 'vitest/config'
import { findServer, obtainableServers, serverNames } from './scripts/servers.mjs'

// Tests of a real server are in the folder of its name. Without it they are not run, and the summary says so; where all
// servers are required they stay in, and fail, unless nothing on earth gives this machine that server.
const required = process.env['MANDATE_REQUIRE_SERVERS'] === 'all' ? obtainableServers() : []
const absent = serverNames.filter((name) => !required.includes(name) && findServer(name) === undefined)

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/node_modules/**', ...absent.map((name) => `test/servers/${name}/**`)],
    pool: 'forks',
    // For two cores. A third of the time is spent on waiting for processes and clocks, so three keep them busy; tests with real
    // processes and clocks suffer from more than that at once, and real servers are such processes, too.
    maxWorkers: required.length > 0 ? 2 : 3,
    // Some start a dozen processes one after the other, each of which takes ten seconds where the load is 30.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    reporters: ['default', ['./scripts/summary-reporter.mjs', { absent }]],
  },
})
