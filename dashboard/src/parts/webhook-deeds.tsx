// What can be done with a webhook, and what came of it.

import { useState } from 'preact/hooks'
import {
  changeWebhook,
  removeWebhook,
  replayMissed,
  rotateSecret,
  sendTestEvent,
} from '../api/broker.ts'
import type { Missed, Webhook } from '../api/types.ts'
import { useDoing } from '../state/ask.ts'
import { address, go } from '../state/location.ts'
import { Confirm } from './confirm.tsx'
import { SecretNote } from './copy.tsx'
import { ProblemNote } from './notes.tsx'

type WebhookDeedsProps = { webhook: Webhook; onChange(): void }

type Said =
  | { kind: 'secret'; secret: string }
  | { kind: 'sent'; messageId: string }
  | { kind: 'missed'; missed: Missed }

const useDeeds = (
  { webhook, onChange }: WebhookDeedsProps,
  say: (said: Said | undefined) => void,
) => ({
  toggling: useDoing(async () => {
    const { missed } = await changeWebhook(webhook, {
      status: webhook.status === 'enabled' ? 'disabled' : 'enabled',
    })
    say(missed && { kind: 'missed', missed })
    onChange()
  }),
  rotating: useDoing(async () => {
    const { secret } = await rotateSecret(webhook)
    say({ kind: 'secret', secret })
  }),
  testing: useDoing(async () => {
    const { messageId } = await sendTestEvent(webhook)
    say({ kind: 'sent', messageId })
  }),
  removing: useDoing(async () => {
    await removeWebhook(webhook)
    go(address(['webhooks']))
  }),
})

export const WebhookDeeds = (props: WebhookDeedsProps) => {
  const [said, setSaid] = useState<Said>()
  const { toggling, rotating, testing, removing } = useDeeds(props, setSaid)
  return (
    <>
      <div class="actions start">
        <button type="button" disabled={testing.busy} onClick={() => void testing.run()}>
          Send a test event
        </button>
        <button type="button" disabled={toggling.busy} onClick={() => void toggling.run()}>
          {props.webhook.status === 'enabled' ? 'Disable' : 'Enable'}
        </button>
        <Confirm
          label="Rotate the secret"
          title="Rotate the secret?"
          disabled={rotating.busy}
          onYes={() => void rotating.run()}
        >
          <p>
            A new secret signs from now on. The old one also signs for 24 hours, so that the
            receiver can change over.
          </p>
        </Confirm>
        <Confirm
          label="Remove"
          title="Remove this webhook?"
          danger
          disabled={removing.busy}
          onYes={() => void removing.run()}
        >
          <p>
            Its open deliveries become cancelled. Registering the same URL again makes a new
            webhook.
          </p>
        </Confirm>
      </div>
      <ProblemNote
        problem={toggling.problem ?? rotating.problem ?? testing.problem ?? removing.problem}
      />
      {said === undefined ? null : <SaidNote said={said} />}
    </>
  )
}

const SaidNote = ({ said }: { said: Said }) => {
  switch (said.kind) {
    case 'secret':
      return <SecretNote secret={said.secret}>The one before also signs for 24 hours.</SecretNote>
    case 'missed':
      return <MissedOffer missed={said.missed} />
    case 'sent':
      return (
        <div class="note good" role="status">
          A test event was accepted.{' '}
          <a href={address(['messages', said.messageId])}>See what became of it</a>
        </div>
      )
  }
}

/** It is enabled; what was triggered meanwhile comes only if somebody wants it. */
const MissedOffer = ({ missed: { messages, capped, filter } }: { missed: Missed }) => {
  const starting = useDoing(async () => {
    go(address(['replay', await replayMissed(filter)]))
  })
  const count = `${capped ? 'at least ' : ''}${messages.toLocaleString()}`
  return (
    <>
      <div class="note" role="status">
        <p>
          It missed {count} {messages === 1 && !capped ? 'message' : 'messages'} while it was
          disabled.
        </p>
        <div class="actions start">
          <button type="button" disabled={starting.busy} onClick={() => void starting.run()}>
            Send what it missed
          </button>
        </div>
      </div>
      <ProblemNote problem={starting.problem} />
    </>
  )
}
