// Where results and remarks go: results to standard output, as text or JSON; everything else to standard error.
// What came from outside is cleaned of control characters: it must not be able to play with a terminal.

export type Style = {
  bold(text: string): string
  dim(text: string): string
  good(text: string): string
  bad(text: string): string
  warn(text: string): string
}

export type Output = {
  /** Whether `--json` was given. */
  json: boolean
  style: Style
  /** Whether a person watches standard error. */
  isWatched: boolean
  /** A line for people. */
  line(text: string): void
  /** One JSON value, on one line when it is one of many. */
  value(value: unknown, many?: 'one of many'): void
  /** A remark: never part of the result. */
  note(text: string): void
  /** Shows a line over the last one, where a person watches. */
  progress(text: string): void
  endProgress(): void
}

export type Streams = { out: NodeJS.WritableStream; err: NodeJS.WritableStream }

export type OutputOptions = { json: boolean; colours: boolean; isWatched: boolean }

export const makeOutput = (streams: Streams, options: OutputOptions): Output => {
  let progressShown = false
  return {
    json: options.json,
    style: makeStyle(options.colours),
    isWatched: options.isWatched,
    line: (text) => void streams.out.write(`${text}\n`),
    value: (value, many) =>
      void streams.out.write(
        `${many === undefined ? JSON.stringify(value, undefined, 2) : JSON.stringify(value)}\n`,
      ),
    note: (text) => void streams.err.write(`${text}\n`),
    progress: (text) => {
      if (!options.isWatched) return
      progressShown = true
      streams.err.write(`\r\x1b[2K${text}`)
    },
    endProgress: () => {
      if (progressShown) streams.err.write('\n')
      progressShown = false
    },
  }
}

const makeStyle = (colours: boolean): Style => {
  const paint = (code: number) => (text: string) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text)
  return { bold: paint(1), dim: paint(2), good: paint(32), bad: paint(31), warn: paint(33) }
}

// C0 but for tab and line feed, DEL, C1, and what turns the direction of writing.
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/** A text from outside, as it may be shown. */
export const clean = (text: string): string =>
  text.replace(CONTROL, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Columns, two blanks apart. A style is applied after the padding, which it would spoil. */
export const table = (
  header: readonly string[],
  rows: readonly (readonly string[])[],
  style?: (text: string, column: number, row: number) => string,
): string[] => {
  const cells = rows.map((row) => row.map((cell) => clean(cell).replaceAll('\n', '\\n')))
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  )
  const pad = (row: readonly string[], paint?: (text: string, column: number) => string) =>
    row
      .map((cell, column) => {
        const blanks =
          column === row.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - cell.length)
        return (paint?.(cell, column) ?? cell) + blanks
      })
      .join('  ')
      .trimEnd()
  return [
    pad(header),
    ...cells.map((row, index) => pad(row, style && ((text, column) => style(text, column, index)))),
  ]
}

/** `name  value`, one a line, values in one column. */
export const pairs = (entries: readonly (readonly [string, string])[]): string[] => {
  const width = Math.max(...entries.map(([name]) => name.length))
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${clean(value)}`)
}
