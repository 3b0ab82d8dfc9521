import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lockFolder } from './lock-folder.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mandate-lock-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('lockFolder', () => {
  it('lets one in at a time, also among many who try at once', async () => {
    const tries = await Promise.allSettled(Array.from({ length: 10 }, () => lockFolder(folder)))
    const held = tries.filter((outcome) => outcome.status === 'fulfilled')
    expect(held).toHaveLength(1)
    for (const refused of tries) {
      if (refused.status === 'rejected') expect(refused.reason).toMatchObject({ code: 'DATA_DIR_IN_USE' })
    }
    await Promise.all([held[0]?.value.release(), held[0]?.value.release()])
    await (await lockFolder(folder)).release()
  })

  it.skipIf(process.platform === 'win32')(
    'does as much with a socket file, and takes over a dead one',
    async () => {
      const code = `require('net').createServer().listen(process.argv[1] + '/in-use.sock', () => console.log('held'))`
      const child = spawn(process.execPath, ['-e', code, folder], { stdio: ['ignore', 'pipe', 'inherit'] })
      await once(child.stdout, 'data')
      await expect(lockFolder(folder, 'file')).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' })
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
      const held = await lockFolder(folder, 'file')
      await expect(lockFolder(folder, 'file')).rejects.toMatchObject({ code: 'DATA_DIR_IN_USE' })
      await held.release()
    },
  )

  it('sees the same folder behind another path', async () => {
    const held = await lockFolder(folder)
    const link = `${folder}-link`
    symlinkSync(folder, link)
    try {
      await expect(lockFolder(link)).rejects.toThrow(`another process uses the data folder ${link}`)
    } finally {
      rmSync(link)
      await held.release()
    }
  })

  it.runIf(process.platform === 'linux')('is free again once its process was killed', async () => {
    const { dev, ino } = statSync(folder, { bigint: true })
    const code = `require('net').createServer().listen('\\0mandate-data-${dev}-${ino}'.padEnd(108, '\\0'), () => console.log('held'))`
    const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    await expect(lockFolder(folder)).rejects.toMatchObject({
      code: 'DATA_DIR_IN_USE',
      details: { dataDir: folder },
    })
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    await (await lockFolder(folder)).release()
  })
})
