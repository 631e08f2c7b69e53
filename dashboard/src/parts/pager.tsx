// Pages by cursor. The cursor stands in the address, so the browser's own Back is the way to the page before.

type PagerProps = {
  /** Of the page after this one, or null at the end. */
  next: string | null
  /** Whether this is not the first page. */
  further: boolean
  hrefOf(cursor: string | undefined): string
  words?: { next: string; first: string }
}

/** The link goes with its page: the focus would be lost, and whoever reads by ear be nowhere. */
const toTop = (): void => document.querySelector('h1')?.focus()

export const Pager = ({ next, further, hrefOf, words }: PagerProps) => {
  const { next: nextWord, first: firstWord } = words ?? { next: 'Older', first: 'Newest' }
  if (next === null && !further) return null
  return (
    <nav class="pager" aria-label="Pages">
      {further ? (
        <a href={hrefOf(undefined)} onClick={toTop}>
          « {firstWord}
        </a>
      ) : (
        <span />
      )}
      {next === null ? (
        <span class="muted">the end</span>
      ) : (
        <a href={hrefOf(next)} onClick={toTop}>
          {nextWord} ›
        </a>
      )}
    </nav>
  )
}
