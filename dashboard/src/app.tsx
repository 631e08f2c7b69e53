// The frame of every view: where one can go, how the broker is, and the key if one is asked for.

import { useEffect, useState } from 'preact/hooks'
import { forgetKey, readKey, statusOf, whenUnauthorized } from './api/request.ts'
import { HealthLine } from './parts/health.tsx'
import { Empty, Loading } from './parts/notes.tsx'
import { Page } from './parts/page.tsx'
import { address, usePlace, type Place, type View } from './state/location.ts'
import { useTheme, type Theme } from './state/theme.ts'
import { Deliveries } from './views/deliveries.tsx'
import { DeliveryView } from './views/delivery.tsx'
import { MessageView } from './views/message.tsx'
import { Messages } from './views/messages.tsx'
import { Overview } from './views/overview.tsx'
import { Register } from './views/register.tsx'
import { Replay } from './views/replay.tsx'
import { ReplayRun } from './views/replay-run.tsx'
import { SignIn, tryKey } from './views/sign-in.tsx'
import { Trigger } from './views/trigger.tsx'
import { WebhookView } from './views/webhook.tsx'
import { Webhooks } from './views/webhooks.tsx'

/** `in`: the key is right, or none is asked for; what else may be wrong, the views say. */
type Entry = 'checking' | 'asking' | 'in'

export const App = () => {
  const place = usePlace()
  const [entry, setEntry] = useState<Entry>('checking')
  useEffect(() => {
    const check = async () => {
      try {
        await tryKey()
        setEntry('in')
      } catch (error) {
        setEntry(statusOf(error) === 401 ? 'asking' : 'in')
      }
    }
    void check()
    return whenUnauthorized(() => {
      forgetKey()
      setEntry('asking')
    })
  }, [])
  const signOut = () => {
    forgetKey()
    setEntry('asking')
  }
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Header
        place={place}
        {...(entry === 'in' && readKey() !== null ? { onSignOut: signOut } : {})}
      />
      {entry === 'checking' ? <Checking /> : null}
      {entry === 'asking' ? <SignIn onEntered={() => setEntry('in')} /> : null}
      {entry === 'in' ? <Shown place={place} /> : null}
    </>
  )
}

const Checking = () => (
  <main id="main">
    <Loading />
  </main>
)

const SECTIONS = [
  { label: 'Overview', href: address(), views: ['overview'] },
  { label: 'Webhooks', href: address(['webhooks']), views: ['webhooks', 'webhook', 'register'] },
  {
    label: 'Deliveries',
    href: address(['deliveries']),
    views: ['deliveries', 'delivery', 'replay', 'replayRun'],
  },
  { label: 'Messages', href: address(['messages']), views: ['messages', 'message'] },
] as const satisfies { label: string; href: string; views: View['name'][] }[]

const Header = ({ place, onSignOut }: { place: Place; onSignOut?: () => void }) => {
  const [theme, setTheme] = useTheme()
  return (
    <header class="top">
      <a class="brand" href={address()} aria-label="webhook-broker">
        <span class="mark" aria-hidden="true" />
        <span>webhook-broker</span>
      </a>
      <nav aria-label="Sections">
        {SECTIONS.map(({ label, href, views }) => (
          <a
            key={label}
            href={href}
            {...((views as readonly string[]).includes(place.view.name)
              ? { 'aria-current': 'page' as const }
              : {})}
          >
            {label}
          </a>
        ))}
      </nav>
      <div class="tools">
        <HealthLine />
        <a class="button small" href={address(['trigger'])}>
          Trigger an event
        </a>
        <label class="unseen" for="theme">
          Colours
        </label>
        <select
          id="theme"
          class="small"
          value={theme}
          onChange={(event) => setTheme(event.currentTarget.value as Theme)}
        >
          <option value="auto">Auto</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
        {onSignOut === undefined ? null : (
          <button type="button" class="small quiet" onClick={onSignOut}>
            Forget the key
          </button>
        )}
      </div>
    </header>
  )
}

const Shown = ({ place: { view, query } }: { place: Place }) => {
  switch (view.name) {
    case 'overview':
      return <Overview query={query} />
    case 'webhooks':
      return <Webhooks query={query} />
    case 'register':
      return <Register key={query.toString()} query={query} />
    case 'webhook':
      return <WebhookView key={view.id} eventName={view.eventName} id={view.id} />
    case 'deliveries':
      return <Deliveries query={query} />
    case 'delivery':
      return <DeliveryView key={view.id} id={view.id} />
    case 'messages':
      return <Messages query={query} />
    case 'message':
      return <MessageView key={view.id} id={view.id} />
    case 'trigger':
      return <Trigger key={query.toString()} query={query} />
    case 'replay':
      return <Replay key={query.toString()} query={query} />
    case 'replayRun':
      return <ReplayRun key={view.id} id={view.id} />
    case 'lost':
      return <Lost />
  }
}

const Lost = () => (
  <Page title="There is no such page">
    <Empty title="This address leads nowhere">
      <p>
        <a href={address()}>Go to the overview</a>
      </p>
    </Empty>
  </Page>
)
