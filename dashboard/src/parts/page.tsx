// A view: its heading takes the focus when one arrives, so that a screen reader says where one is, and the tab has its name.

import type { ComponentChildren } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { ProblemNote } from './notes.tsx'
import type { Problem } from '../api/types.ts'

type PageProps = {
  title: string
  /** Where it belongs, as a link before the title. */
  trail?: { label: string; href: string }
  /** Set in a fixed-width face: an id, an event name. */
  mono?: boolean
  actions?: ComponentChildren
  problem?: Problem | undefined
  children: ComponentChildren
}

export const Page = ({ title, trail, mono = false, actions, problem, children }: PageProps) => {
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => {
    document.title = `${title} · Webhook broker`
    heading.current?.focus({ preventScroll: true })
    scrollTo(0, 0)
  }, [title])
  return (
    <main id="main">
      <div class="page-head">
        <div class="page-title">
          {trail === undefined ? null : (
            <a class="trail" href={trail.href}>
              {trail.label}
            </a>
          )}
          <h1 ref={heading} tabIndex={-1} class={mono ? 'mono' : ''}>
            {title}
          </h1>
        </div>
        {actions === undefined ? null : <div class="actions">{actions}</div>}
      </div>
      <ProblemNote problem={problem} />
      {children}
    </main>
  )
}

export const Section = ({
  title,
  aside,
  children,
}: {
  title: string
  aside?: ComponentChildren
  children: ComponentChildren
}) => (
  <section>
    <div class="section-head">
      <h2>{title}</h2>
      {aside}
    </div>
    {children}
  </section>
)

/** Facts about one thing, as pairs. */
export const Facts = ({ of }: { of: [string, ComponentChildren][] }) => (
  <dl class="facts">
    {of.map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
)
