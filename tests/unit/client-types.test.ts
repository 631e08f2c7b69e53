// The types of the client are made from the OpenAPI document; this is what notices that they were not made again.

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { clientTypes, TYPES_FILE } from '../../scripts/client-types.ts'

it('the types of the client are those of the OpenAPI document (else: npm run client:types)', async () => {
  expect(readFileSync(TYPES_FILE, 'utf8')).toBe(await clientTypes())
})
