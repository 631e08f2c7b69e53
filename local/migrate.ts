// Applies the SQL migrations: `npm run migrate`. Safe to run again, and from several places at once.

import { loadProcessConfig } from '../lib/config.ts'
import { makeLogger } from '../lib/logger.ts'
import { migrate } from '../lib/postgres/migrate.ts'
import { openDatabase } from '../lib/wiring/stores.ts'
import { configured } from './configured.ts'
import { runProcess } from './lifecycle.ts'

const STOP_TIMEOUT_MS = 5_000

const config = configured(() => loadProcessConfig('migrate'))

await runProcess(STOP_TIMEOUT_MS, async (lifecycle) => {
  const database = openDatabase(
    { url: config.databaseUrl ?? '', maxConnections: 1, role: 'migrate' },
    makeLogger(config.logLevel),
  )
  lifecycle.onStop('postgres', database.close)
  const applied = await migrate(database)
  console.log(applied.length === 0 ? 'the schema is up to date' : `applied ${applied.join(', ')}`)
  await lifecycle.stop()
})
