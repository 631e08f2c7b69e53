// Registers a webhook. What is wrong with it, the broker says.

import { useState } from 'preact/hooks'
import { registerWebhook } from '../api/broker.ts'
import type { Webhook } from '../api/types.ts'
import { SecretNote } from '../parts/copy.tsx'
import { Field, faultBy } from '../parts/field.tsx'
import { ProblemNote } from '../parts/notes.tsx'
import { Page } from '../parts/page.tsx'
import { WebhookFields } from '../parts/webhook-fields.tsx'
import { useDoing } from '../state/ask.ts'
import { address } from '../state/location.ts'
import { formOf, settingsOf } from '../state/webhook-form.ts'

type Registered = Webhook & { secret?: string }

const TRAIL = { label: 'Webhooks', href: address(['webhooks']) }

export const Register = ({ query }: { query: URLSearchParams }) => {
  const [registered, setRegistered] = useState<Registered>()
  return registered === undefined ? (
    <RegisterForm eventName={query.get('eventName') ?? ''} onDone={setRegistered} />
  ) : (
    <Done webhook={registered} />
  )
}

type RegisterFormProps = { eventName: string; onDone(webhook: Registered): void }

const RegisterForm = ({ eventName: given, onDone }: RegisterFormProps) => {
  const [eventName, setEventName] = useState(given)
  const [webhookUrl, setWebhookUrl] = useState('')
  const [form, setForm] = useState(formOf())
  const registering = useDoing(async () => {
    onDone(await registerWebhook({ eventName, webhookUrl, ...settingsOf(form) }))
  })
  const { problem } = registering
  return (
    <Page title="Register a webhook" trail={TRAIL}>
      <form
        class="narrow"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          void registering.run()
        }}
      >
        <Field
          label="Event name"
          value={eventName}
          onValue={setEventName}
          mono
          placeholder="upload_image"
          fault={faultBy(problem, 'eventName', ['invalid_event_name'])}
        />
        <Field
          label="URL"
          value={webhookUrl}
          onValue={setWebhookUrl}
          mono
          placeholder="https://example.com/hooks/images"
          hint="Where each event of this name is posted to."
          fault={faultBy(problem, 'webhookUrl', ['invalid_url', 'forbidden_address'])}
        />
        <details open={problem?.errors.some(isOfSettings) === true}>
          <summary>More settings</summary>
          <WebhookFields form={form} onForm={setForm} problem={problem} />
        </details>
        <ProblemNote problem={problem} />
        <div class="actions">
          <button class="primary" disabled={registering.busy}>
            Register
          </button>
        </div>
      </form>
    </Page>
  )
}

const isOfSettings = ({ field }: { field: string }): boolean =>
  field !== 'eventName' && field !== 'webhookUrl'

const Done = ({ webhook }: { webhook: Registered }) => (
  <Page title="Registered" trail={TRAIL}>
    <div class="narrow">
      {webhook.secret === undefined ? (
        <div class="note" role="status">
          <strong>It was registered before</strong>
          <p>The same event and URL are the same webhook, with the secret and settings it had.</p>
        </div>
      ) : (
        <SecretNote secret={webhook.secret}>
          Give it to the receiver: with it, every request can be checked to come from this broker.
        </SecretNote>
      )}
      <p>
        Events named <code>{webhook.eventName}</code> go to{' '}
        <code class="wrap">{webhook.webhookUrl}</code>.
      </p>
      <div class="actions">
        <a class="button primary" href={address(['webhooks', webhook.eventName, webhook.id])}>
          Go to the webhook
        </a>
        <a class="button" href={address(['trigger'], { eventName: webhook.eventName })}>
          Trigger its event
        </a>
      </div>
    </div>
  </Page>
)
