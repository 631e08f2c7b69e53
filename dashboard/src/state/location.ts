// Where in the dashboard one is: every view and every filter is an address that can be sent to a colleague.

import { useEffect, useState } from 'preact/hooks'

const BASE = '/dashboard'

export type View =
  | { name: 'overview' }
  | { name: 'webhooks' }
  | { name: 'register' }
  | { name: 'webhook'; eventName: string; id: string }
  | { name: 'deliveries' }
  | { name: 'delivery'; id: string }
  | { name: 'messages' }
  | { name: 'message'; id: string }
  | { name: 'trigger' }
  | { name: 'replay' }
  | { name: 'replayRun'; id: string }
  | { name: 'lost' }

export type Place = { view: View; query: URLSearchParams; path: string }

/** Reads a path such as `/dashboard/webhooks/upload_image/wh_01…`. Parts are decoded once. */
export const viewOf = (path: string): View => {
  const parts = path.slice(BASE.length).split('/').filter(Boolean).map(decode)
  const [first, second, third, ...rest] = parts
  if (first === undefined) return { name: 'overview' }
  if (rest.length > 0 || parts.includes(undefined)) return { name: 'lost' }
  if (third !== undefined) {
    return first === 'webhooks' && second !== undefined
      ? { name: 'webhook', eventName: second, id: third }
      : { name: 'lost' }
  }
  return second === undefined ? listView(first) : itemView(first, second)
}

const listView = (first: string): View => {
  switch (first) {
    case 'webhooks':
    case 'deliveries':
    case 'messages':
    case 'register':
    case 'trigger':
    case 'replay':
      return { name: first }
    default:
      return { name: 'lost' }
  }
}

const itemView = (first: string, id: string): View => {
  switch (first) {
    case 'deliveries':
      return { name: 'delivery', id }
    case 'messages':
      return { name: 'message', id }
    case 'replay':
      return { name: 'replayRun', id }
    default:
      return { name: 'lost' }
  }
}

const decode = (part: string): string | undefined => {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}

/** The address of a view. Parameters that are undefined or empty are left out. */
export const address = (
  parts: readonly string[] = [],
  query: Readonly<Record<string, string | undefined>> = {},
): string => {
  const path = [BASE, ...parts.map(encodeURIComponent)].join('/') + (parts.length === 0 ? '/' : '')
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const search = new URLSearchParams(given as [string, string][])
  return search.size === 0 ? path : `${path}?${search.toString()}`
}

const MOVED = 'broker:moved'

/** Goes to an address of the dashboard without loading the page. */
export const go = (to: string, { replace = false } = {}): void => {
  if (replace) history.replaceState(null, '', to)
  else history.pushState(null, '', to)
  dispatchEvent(new Event(MOVED))
}

const here = (): Place => ({
  view: viewOf(location.pathname),
  query: new URLSearchParams(location.search),
  path: location.pathname,
})

/** Links stay plain links: a click on one that leads into the dashboard is taken here, any other is the browser's. */
const onClick = (event: MouseEvent): void => {
  const link = event.target instanceof Element ? event.target.closest('a') : null
  if (link === null || event.defaultPrevented || event.button !== 0) return
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || link.target !== '') return
  if (link.origin !== location.origin || !link.pathname.startsWith(`${BASE}/`)) return
  event.preventDefault()
  go(link.href)
}

export const usePlace = (): Place => {
  const [place, setPlace] = useState(here)
  useEffect(() => {
    const update = () => setPlace(here())
    addEventListener(MOVED, update)
    addEventListener('popstate', update)
    addEventListener('click', onClick)
    return () => {
      removeEventListener(MOVED, update)
      removeEventListener('popstate', update)
      removeEventListener('click', onClick)
    }
  }, [])
  return place
}
