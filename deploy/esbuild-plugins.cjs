// Keeps the positions of packages out of the source maps: they would be most of a map, which every start reads. A stack
// trace shows our own lines, and of a package the place in the bundle.
'use strict'

const { readFile } = require('node:fs/promises')

const EMPTY_MAP = Buffer.from(
  JSON.stringify({ version: 3, sources: [''], mappings: 'AAAA' }),
).toString('base64')

module.exports = [
  {
    name: 'no-positions-of-packages',
    setup(build) {
      build.onLoad({ filter: /[\\/]node_modules[\\/].*\.[cm]?js$/ }, async ({ path }) => ({
        contents:
          (await readFile(path, 'utf8')).replace(/^\/\/# sourceMappingURL=.*$/gm, '') +
          `\n//# sourceMappingURL=data:application/json;base64,${EMPTY_MAP}`,
        loader: 'default',
      }))
    },
  },
]
