// Prints what a fault run measured, for docs/guarantees.md.

export const print = (...parts: (string | number | object)[]): void => {
  const text = parts.map((part) => (typeof part === 'object' ? JSON.stringify(part) : String(part)))
  process.stdout.write(`${text.join(' ')}\n`)
}
