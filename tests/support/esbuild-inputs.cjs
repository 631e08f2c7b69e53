// The plugins of serverless.yml, and one that notes what each bundle is made of, in a folder beside the packages.
'use strict'

const { mkdirSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')

module.exports = [
  ...require('../../deploy/esbuild-plugins.cjs'),
  {
    name: 'note-inputs',
    setup(build) {
      build.initialOptions.metafile = true
      build.onEnd(({ metafile }) => {
        const [output] = Object.values(metafile?.outputs ?? {}).filter(
          ({ entryPoint }) => entryPoint,
        )
        const carried = Object.entries(output.inputs).filter(
          ([, { bytesInOutput }]) => bytesInOutput,
        )
        mkdirSync('inputs', { recursive: true })
        const file = output.entryPoint.replace(/^.*functions\//, '').replaceAll('/', '-')
        writeFileSync(join('inputs', `${file}.json`), JSON.stringify(carried.map(([path]) => path)))
      })
    },
  },
]
