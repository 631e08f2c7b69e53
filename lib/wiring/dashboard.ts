// Reads the built dashboard from its folder, once, when a process or a function starts.

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { StaticFile, StaticFiles } from '../http/routes/dashboard.ts'

const CONTENT_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/**
 * @param folder what `npm run build:dashboard` made
 * @returns no files where it has not been built; the broker runs without them
 */
export const readDashboard = (folder: URL): StaticFiles => {
  const root = fileURLToPath(folder)
  if (!existsSync(root)) return new Map()
  const entries = readdirSync(root, { recursive: true, withFileTypes: true })
  return new Map(
    entries
      .filter((entry) => entry.isFile() && extname(entry.name) in CONTENT_TYPES)
      .map((entry) => {
        const file = `${entry.parentPath}/${entry.name}`
        const path = file.slice(root.length).replaceAll('\\', '/').replace(/^\//, '')
        return [path, toStaticFile(path, readFileSync(file))]
      }),
  )
}

const toStaticFile = (path: string, content: Buffer): StaticFile => ({
  body: new Uint8Array(content),
  gzipped: new Uint8Array(gzipSync(content, { level: 9 })),
  contentType: CONTENT_TYPES[extname(path)] ?? 'application/octet-stream',
  etag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`,
  immutable: path.startsWith('assets/'),
})
