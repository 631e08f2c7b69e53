// Fires an event, as a trigger of the API does.

import { useState } from 'preact/hooks'
import { listWebhooks, triggerEvent } from '../api/broker.ts'
import type { Accepted, Problem } from '../api/types.ts'
import { Field, faultBy } from '../parts/field.tsx'
import { ProblemNote } from '../parts/notes.tsx'
import { Page } from '../parts/page.tsx'
import { useAsk, useDoing } from '../state/ask.ts'
import { address } from '../state/location.ts'

/** How many webhooks are looked through for names to choose from. */
const KNOWN = 200

type Form = { eventName: string; payload: string; idempotencyKey: string }

export const Trigger = ({ query }: { query: URLSearchParams }) => {
  const [form, setForm] = useState<Form>({
    eventName: query.get('eventName') ?? '',
    payload: '{\n  "name": "cat.png"\n}',
    idempotencyKey: '',
  })
  const [accepted, setAccepted] = useState<Accepted>()
  const firing = useDoing(async () => {
    setAccepted(undefined)
    setAccepted(await triggerEvent(form.eventName, form.payload, form.idempotencyKey))
  })
  return (
    <Page title="Trigger an event" trail={{ label: 'Messages', href: address(['messages']) }}>
      <form
        class="narrow"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          void firing.run()
        }}
      >
        <Fields form={form} onForm={setForm} problem={firing.problem} />
        <ProblemNote problem={firing.problem} />
        <div class="actions">
          <button class="primary" disabled={firing.busy}>
            Trigger
          </button>
        </div>
        {accepted === undefined ? null : <Done accepted={accepted} />}
      </form>
    </Page>
  )
}

type FieldsProps = { form: Form; onForm(form: Form): void; problem: Problem | undefined }

const Fields = ({ form, onForm, problem }: FieldsProps) => {
  const known = useAsk('known events', () => listWebhooks(undefined, { pageSize: KNOWN }))
  const names = new Set(known.data?.webhooks.map((webhook) => webhook.eventName))
  const bind = (name: keyof Form) => ({
    value: form[name],
    onValue: (value: string) => onForm({ ...form, [name]: value }),
  })
  return (
    <>
      <Field
        label="Event name"
        {...bind('eventName')}
        options={[...names].sort()}
        mono
        placeholder="upload_image"
        fault={faultBy(problem, 'eventName', ['invalid_event_name', 'reserved_event_name'])}
      />
      <Field
        label="Payload"
        {...bind('payload')}
        rows={8}
        mono
        hint="Any JSON value. It is sent on byte for byte."
        fault={faultBy(problem, 'body', ['invalid_json', 'payload_too_large'])}
      />
      <Field
        label="Idempotency key"
        {...bind('idempotencyKey')}
        mono
        hint="Optional. The same key within 24 hours is the same message."
        fault={faultBy(problem, 'Idempotency-Key', [
          'invalid_idempotency_key',
          'idempotency_key_reused',
        ])}
      />
    </>
  )
}

const Done = ({ accepted }: { accepted: Accepted }) => (
  <div class={accepted.deliveries === 0 ? 'note wait' : 'note good'} role="status">
    <strong>
      Accepted, for {accepted.deliveries === 1 ? '1 webhook' : `${accepted.deliveries} webhooks`}
    </strong>
    {accepted.hint === undefined ? null : <p>{accepted.hint}</p>}
    <p>
      <a href={address(['messages', accepted.messageId])}>See what becomes of it</a>
    </p>
  </div>
)
