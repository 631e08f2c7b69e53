// A text to take along: an id, a secret, a payload.

import { useState } from 'preact/hooks'

const SAID_MS = 1_500

export const CopyButton = ({ text, label }: { text: string; label: string }) => {
  const [done, setDone] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setDone(true)
    setTimeout(() => setDone(false), SAID_MS)
  }
  return (
    <button type="button" class="quiet" onClick={() => void copy()} aria-label={`Copy ${label}`}>
      <span aria-live="polite">{done ? 'Copied' : 'Copy'}</span>
    </button>
  )
}

/** An id in full, and the button beside it. */
export const Id = ({ id, label }: { id: string; label: string }) => (
  <span class="id">
    <code>{id}</code>
    <CopyButton text={id} label={label} />
  </span>
)

/** A secret that is shown this once. */
export const SecretNote = ({ secret, children }: { secret: string; children: string }) => (
  <div class="note good" role="status">
    <strong>Its secret, shown this once</strong>
    <p class="secret">
      <code>{secret}</code>
      <CopyButton text={secret} label="the secret" />
    </p>
    <p>{children}</p>
  </div>
)
