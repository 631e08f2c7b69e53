// The settings of a webhook that can be changed later: shared by registering and changing.

import type { Problem } from '../api/types.ts'
import type { WebhookForm } from '../state/webhook-form.ts'
import { Field, faultOf } from './field.tsx'

type WebhookFieldsProps = {
  form: WebhookForm
  onForm(form: WebhookForm): void
  problem: Problem | undefined
}

export const WebhookFields = ({ form, onForm, problem }: WebhookFieldsProps) => {
  const bind = (name: keyof WebhookForm) => ({
    value: form[name],
    onValue: (value: string) => onForm({ ...form, [name]: value }),
  })
  return (
    <>
      <Field
        label="Description"
        {...bind('description')}
        hint="For people: whose it is, what it does."
        fault={faultOf(problem, 'description')}
      />
      <Field
        label="Custom headers"
        {...bind('headers')}
        rows={3}
        mono
        placeholder="x-team: images"
        hint="One a line. Sent with every attempt; they never override the broker’s own."
        fault={faultOf(problem, 'headers')}
      />
      <div class="columns">
        <Field
          label="Timeout, ms"
          {...bind('timeoutMs')}
          hint="From connect to the end of the answer, at most 60000."
          fault={faultOf(problem, 'timeoutMs')}
        />
        <Field
          label="At most in flight"
          {...bind('maxInFlight')}
          hint="Requests at once to this URL."
          fault={faultOf(problem, 'maxInFlight')}
        />
      </div>
      <div class="columns">
        <Field
          label="Rate limit, requests"
          {...bind('rateLimit')}
          hint="Empty: no limit."
          fault={faultOf(problem, 'rateLimit')}
        />
        <Field label="per seconds" {...bind('perSeconds')} placeholder="1" />
      </div>
    </>
  )
}
