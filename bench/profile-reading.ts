// Reads CPU profiles as V8 writes them: where the time was spent itself, by function, and by the part on whose behalf.
// Pure.

export type Profile = {
  nodes: {
    id: number
    callFrame: { functionName: string; url: string }
    children?: number[]
  }[]
  samples?: number[]
  /** Microseconds between samples. */
  timeDeltas?: number[]
}

export type Spent = { what: string; ms: number }

/** Not the processor's time: it waited. */
const IDLE = '(idle)'
/** The profiler itself, as it is started and stopped (processes/inside.ts). */
const PROFILER = ['dispatch', 'bench/processes/inside.ts']
const ROOT = new URL('..', import.meta.url).href

/** A file as a reader knows it: its path in the project or in a package; undefined for what Node itself brings. */
const fileOf = (url: string): string | undefined => {
  if (!url.includes('/')) return undefined
  if (url.startsWith('node:')) return undefined
  const [, inPackage] = /.*node_modules\/(.*)$/.exec(url) ?? []
  const path = inPackage ?? url.replace(ROOT, '').replace(ROOT.replace('file://', ''), '')
  return path.replace(/\?.*$/, '')
}

type Node = Profile['nodes'][number]

/** @param by names what a node belongs to @returns the most expensive first */
const sum = (profile: Profile, by: (node: Node) => string): Spent[] => {
  const names = new Map(profile.nodes.map((node) => [node.id, by(node)]))
  const spentMs = new Map<string, number>()
  profile.samples?.forEach((id, index) => {
    const what = names.get(id) ?? ''
    const ms = (profile.timeDeltas?.[index] ?? 0) / 1_000
    spentMs.set(what, (spentMs.get(what) ?? 0) + ms)
  })
  for (const what of [IDLE, ...PROFILER]) spentMs.delete(what)
  return [...spentMs].map(([what, ms]) => ({ what, ms })).sort((a, b) => b.ms - a.ms)
}

const nameOf = ({ callFrame: { functionName, url } }: Node): string => {
  const name = functionName === '' ? '(anonymous)' : functionName
  return url === '' ? name : `${name} ${fileOf(url) ?? url}`
}

export const byFunction = (profile: Profile): Spent[] => sum(profile, nameOf)

/** Time in Node itself counts for the package or the file of ours that called it. */
export const byOwner = (profile: Profile): Spent[] => {
  const parents = new Map(
    profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)),
  )
  const owner = (node: Node): string => {
    for (let at: Node | undefined = node; at !== undefined; at = parents.get(at.id)) {
      const file = fileOf(at.callFrame.url)
      if (file === undefined) continue
      if (!at.callFrame.url.includes('node_modules')) return file
      return file.split('/', file.startsWith('@') ? 2 : 1).join('/')
    }
    return nameOf(node)
  }
  return sum(profile, owner)
}
