import type { Theme } from './definition.ts'

export const tokens: Theme = {
  theme: 'tokens',
  cases: [
    {
      // Kubernetes: leaseTransitions does not grow when the same identity acquires again (client-go).
      claim: 'a token grows when the same id acquires again',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a')
        let token = 0n
        for (let turn = 0; turn < 5; turn += 1) {
          const standing = a.enter()
          const next = await standing.winsAbove(token)
          token = next
          await standing.leave()
        }
      },
    },
    {
      claim: 'tokens grow over ten hand-overs between two candidates',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        let current = a.enter()
        let token = await current.wins()
        for (let turn = 0; turn < 10; turn += 1) {
          const next = (turn % 2 === 0 ? b : a).enter()
          await current.leave()
          const granted = await next.winsAbove(token)
          token = granted
          current = next
        }
      },
    },
    {
      // Consul: LockIndex starts again when the key was deleted; its own `consul lock` deletes it.
      claim: 'a token grows across a time in which nobody stood in the election',
      mode: 'each',
      run: async (scene) => {
        const { member: a, standing: first, token } = await scene.leader('a')
        await first.leave()
        await a.close()
        await scene.advance(3 * scene.leaseMs)
        const again = (await scene.join('b')).enter()
        await again.winsAbove(token)
      },
    },
    {
      claim: 'a token grows across a restart of the arbiter',
      mode: 'each',
      needs: ['restartArbiter'],
      run: async (scene) => {
        const { standing: first, token } = await scene.leader('a')
        await scene.restartArbiter()
        await first.leave(scene.expiryMs)
        const again = (await scene.join('b')).enter()
        await again.winsAbove(token, scene.expiryMs)
      },
    },
    {
      claim: 'a token grows across a restart of the arbiter while nobody leads',
      mode: 'each',
      needs: ['restartArbiter'],
      run: async (scene) => {
        const { standing: first, token } = await scene.leader('a')
        await first.leave()
        await scene.restartArbiter()
        const again = (await scene.join('b')).enter()
        await again.winsAbove(token, scene.expiryMs)
      },
    },
    {
      claim: 'a token grows when a process ends its session and opens one anew',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a')
        const token = await a.enter().wins()
        await a.close()
        const again = await scene.member('a', a.backend)
        await again.enter().winsAbove(token)
      },
    },
    {
      claim: 'a token grows when the same id wins again after it lost its session',
      mode: 'each',
      needs: ['crash'],
      run: async (scene) => {
        const a = await scene.join('a')
        const token = await a.enter().wins()
        await a.crash()
        await scene.advance(scene.expiryMs)
        const again = await scene.join('a')
        await again.enter().winsAbove(token)
      },
    },
    {
      claim: 'the tokens of two elections grow side by side',
      mode: 'each',
      run: async (scene) => {
        const a = await scene.join('a')
        const b = await scene.join('b')
        for (let turn = 0; turn < 3; turn += 1) {
          const pair = [a.enter({ election: 'left' }), b.enter({ election: 'right' })]
          for (const standing of pair) await standing.wins()
          for (const standing of pair) await standing.leave()
        }
      },
    },
  ],
}
