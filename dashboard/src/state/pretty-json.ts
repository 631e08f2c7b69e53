// JSON with line breaks, without reading its values: `1e400`, 12345678901234567890 and a key that stands twice come
// out as they went in, which JSON.parse would change.

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g

export const prettyJson = (text: string): string => {
  const tokens = text.match(TOKEN) ?? []
  let depth = 0
  let out = ''
  const line = () => `\n${'  '.repeat(depth)}`
  tokens.forEach((token, index) => {
    const isOpen = token === '{' || token === '['
    const isClose = token === '}' || token === ']'
    const before = tokens[index - 1]
    if (isClose) {
      depth -= 1
      if (before !== '{' && before !== '[') out += line()
    } else if (before === '{' || before === '[' || before === ',') {
      out += line()
    }
    out += token === ':' ? ': ' : token
    if (isOpen) depth += 1
  })
  return out
}
