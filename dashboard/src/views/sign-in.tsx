// Asks for the key, once per tab.

import { useState } from 'preact/hooks'
import { listWebhooks } from '../api/broker.ts'
import { forgetKey, keepKey } from '../api/request.ts'
import { Field } from '../parts/field.tsx'
import { ProblemNote } from '../parts/notes.tsx'
import { Page } from '../parts/page.tsx'
import { useDoing } from '../state/ask.ts'

/** A question that every key with the scope `read` may ask. */
export const tryKey = (): Promise<unknown> => listWebhooks(undefined, { pageSize: 1 })

export const SignIn = ({ onEntered }: { onEntered(): void }) => {
  const [key, setKey] = useState('')
  const entering = useDoing(async () => {
    keepKey(key.trim())
    try {
      await tryKey()
    } catch (error) {
      forgetKey()
      throw error
    }
    onEntered()
  })
  return (
    <Page title="Enter the API key">
      <form
        class="narrow"
        onSubmit={(event) => {
          event.preventDefault()
          void entering.run()
        }}
      >
        <p>
          This broker asks for a key: one of <code>BROKER_API_KEYS</code>. It needs the scope{' '}
          <code>read</code> to look, <code>manage</code> to change and replay, <code>trigger</code>{' '}
          to fire events; a key that names no scope has all of them.
        </p>
        <Field
          label="API key"
          type="password"
          value={key}
          onValue={setKey}
          required
          mono
          hint="Kept in this tab until it is closed, and sent to this broker only."
        />
        <ProblemNote problem={entering.problem} />
        <div class="actions">
          <button class="primary" disabled={entering.busy}>
            Continue
          </button>
        </div>
      </form>
    </Page>
  )
}
