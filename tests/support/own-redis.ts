// A process that owns a Redis, as `npm start` does. Arguments: the folder, and how it keeps its data.

import { startRedis } from '../../local/services/redis.ts'

const [dataDir = '', persistence = 'aof'] = process.argv.slice(2)
const server = await startRedis({
  dataDir,
  persistence: persistence === 'none' ? 'none' : 'aof',
})
process.stdout.write(`redis ${server.pid} ${server.port}\n`)
