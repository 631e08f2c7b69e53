// Asks the broker and keeps the answer fresh: again every few seconds while the tab is visible, at once when it becomes
// visible, and never twice at a time. What was shown stays while the next answer is under way or fails.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { problemFrom } from '../api/request.ts'
import type { Problem } from '../api/types.ts'

export type Asked<T> = {
  data: T | undefined
  /** Of the latest answer; undefined again as soon as one succeeds. */
  problem: Problem | undefined
  /** The first answer is still under way. */
  loading: boolean
  /** Asks now. */
  again(): void
}

type Known<T> = { key: string; data: T | undefined; problem: Problem | undefined }

/**
 * @param key tells questions apart: another key forgets the answer at once; null asks nothing
 * @param everyMs how long to rest between an answer and the next question; 0 asks once
 */
export const useAsk = <T>(
  key: string | null,
  question: () => Promise<T>,
  everyMs = 0,
): Asked<T> => {
  const [known, setKnown] = useState<Known<T>>({ key: '', data: undefined, problem: undefined })
  const [round, setRound] = useState(0)
  const latest = useRef(question)
  latest.current = question

  useEffect(() => {
    if (key === null) return undefined
    return keepAsking(everyMs, async (isOver) => {
      try {
        const data = await latest.current()
        if (!isOver()) setKnown({ key, data, problem: undefined })
      } catch (error) {
        const problem = problemFrom(error)
        if (!isOver()) {
          setKnown((before) => ({
            key,
            data: before.key === key ? before.data : undefined,
            problem,
          }))
        }
      }
    })
  }, [key, everyMs, round])

  const again = useCallback(() => setRound((before) => before + 1), [])
  const current = known.key === key ? known : undefined
  return {
    data: current?.data,
    problem: current?.problem,
    loading: key !== null && current === undefined,
    again,
  }
}

/** @returns the way to stop */
const keepAsking = (everyMs: number, ask: (isOver: () => boolean) => Promise<void>) => {
  const ending = new AbortController()
  const isOver = () => ending.signal.aborted
  let timer = 0
  let asking = false
  const next = async () => {
    clearTimeout(timer)
    if (asking) return
    asking = true
    await ask(isOver)
    asking = false
    if (!isOver() && everyMs > 0 && !document.hidden) timer = setTimeout(() => void next(), everyMs)
  }
  const onVisibility = () => {
    if (document.hidden) clearTimeout(timer)
    else if (everyMs > 0) void next()
  }
  document.addEventListener('visibilitychange', onVisibility, { signal: ending.signal })
  void next()
  return () => {
    ending.abort()
    clearTimeout(timer)
  }
}

export type Doing<A extends unknown[]> = {
  run(...args: A): Promise<void>
  busy: boolean
  problem: Problem | undefined
}

/** Something that a person asked for: its progress, and what the broker said if it was refused. */
export const useDoing = <A extends unknown[]>(deed: (...args: A) => Promise<void>): Doing<A> => {
  const [state, setState] = useState<{ busy: boolean; problem: Problem | undefined }>({
    busy: false,
    problem: undefined,
  })
  const run = async (...args: A) => {
    setState({ busy: true, problem: undefined })
    try {
      await deed(...args)
      setState({ busy: false, problem: undefined })
    } catch (error) {
      setState({ busy: false, problem: problemFrom(error) })
    }
  }
  return { run, ...state }
}
