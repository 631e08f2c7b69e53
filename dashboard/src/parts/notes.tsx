// What is said beside the data: a refusal of the broker in its own words, and what to do where there is nothing yet.

import type { ComponentChildren } from 'preact'
import type { Problem } from '../api/types.ts'

export const ProblemNote = ({ problem }: { problem: Problem | undefined }) =>
  problem === undefined ? null : (
    <div class="note bad" role="alert">
      <strong>{problem.title}</strong>
      <p>{problem.detail}</p>
      {problem.requestId === '' ? null : (
        <p class="small">
          <code>{problem.code}</code> · request <code>{problem.requestId}</code>
        </p>
      )}
    </div>
  )

export const Empty = ({ title, children }: { title: string; children?: ComponentChildren }) => (
  <div class="empty">
    <p class="empty-title">{title}</p>
    {children}
  </div>
)

/** Keeps the place of what is still under way, and says so to those who do not see it. */
export const Loading = () => (
  <div class="loading" role="status">
    Loading…
  </div>
)
