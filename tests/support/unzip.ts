// Reads a zip file by its central directory: enough for the packages of functions, which a bare machine cannot unzip.

import { readFileSync } from 'node:fs'
import { inflateRawSync } from 'node:zlib'

const END = 0x06054b50
const ENTRY = 0x02014b50
const DEFLATED = 8

/** @returns the files by their paths; folders are left out */
export const unzip = (path: string): Map<string, Buffer> => {
  const zip = readFileSync(path)
  const end = zip.lastIndexOf(Buffer.from([END & 0xff, (END >> 8) & 0xff, 5, 6]))
  if (end === -1) throw new Error(`${path} is no zip file`)
  const files = new Map<string, Buffer>()
  let at = zip.readUInt32LE(end + 16)
  while (zip.readUInt32LE(at) === ENTRY) {
    const nameLength = zip.readUInt16LE(at + 28)
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength)
    if (!name.endsWith('/')) files.set(name, contentOf(zip, at))
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return files
}

const contentOf = (zip: Buffer, at: number): Buffer => {
  const packed = zip.readUInt32LE(at + 20)
  // The local header has lengths of its own.
  const local = zip.readUInt32LE(at + 42)
  const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
  const bytes = zip.subarray(start, start + packed)
  return zip.readUInt16LE(at + 10) === DEFLATED ? inflateRawSync(bytes) : Buffer.from(bytes)
}
