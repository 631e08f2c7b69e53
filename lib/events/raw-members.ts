// The members of a JSON object as they were written. A payload inside an envelope is passed on byte for byte, and
// parsing it and writing it again would round numbers beyond 2^53 (hard case O-BODY-1).

const BLANK = /[\t\n\r ]/

/**
 * @param text a JSON object that `JSON.parse` has accepted
 * @returns the text of each member's value, without blanks around it; of members with one name the last, as JSON.parse
 */
export const rawMembers = (text: string): Map<string, string> => {
  const members = new Map<string, string>()
  let at = skipBlanks(text, text.indexOf('{') + 1)
  while (text[at] === '"') {
    const nameEnd = endOfString(text, at)
    const name = JSON.parse(text.slice(at, nameEnd)) as string
    // Past the colon.
    const start = skipBlanks(text, skipBlanks(text, nameEnd) + 1)
    const end = endOfValue(text, start)
    members.set(name, text.slice(start, end))
    at = skipBlanks(text, end)
    if (text[at] === ',') at = skipBlanks(text, at + 1)
  }
  return members
}

const skipBlanks = (text: string, from: number): number => {
  let at = from
  while (BLANK.test(text[at] ?? '')) at += 1
  return at
}

/** @param from its opening quote @returns the place after its closing one */
const endOfString = (text: string, from: number): number => {
  let at = from + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}

const endOfValue = (text: string, from: number): number => {
  let depth = 0
  let at = from
  do {
    const char = text[at]
    if (char === '"') at = endOfString(text, at)
    else if (char === '{' || char === '[') {
      depth += 1
      at += 1
    } else if (char === '}' || char === ']') {
      depth -= 1
      at += 1
    } else if (depth > 0) at += 1
    else at = endOfLiteral(text, at)
  } while (depth > 0 && at < text.length)
  return at
}

/** A number, true, false or null. */
const endOfLiteral = (text: string, from: number): number => {
  let at = from
  while (at < text.length && !/[,}\]\t\n\r ]/.test(text[at] ?? '')) at += 1
  return at
}
