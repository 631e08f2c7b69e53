// A payload or a response, always as text: nothing in it is ever read as HTML. Pretty on demand, exact otherwise.

import { useState } from 'preact/hooks'
import { prettyJson } from '../state/pretty-json.ts'
import { CopyButton } from './copy.tsx'

export const looksLikeJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

export const Payload = ({ text, label }: { text: string; label: string }) => {
  const [pretty, setPretty] = useState(false)
  const canBePretty = looksLikeJson(text)
  return (
    <figure class="payload">
      <figcaption>
        <span>{pretty ? 'With line breaks; values as they are' : 'Exactly as it came'}</span>
        <span class="actions">
          {canBePretty ? (
            <button
              type="button"
              class="quiet"
              aria-pressed={pretty}
              onClick={() => setPretty(!pretty)}
            >
              Pretty
            </button>
          ) : null}
          <CopyButton text={text} label={label} />
        </span>
      </figcaption>
      <pre tabIndex={0} role="region" aria-label={label}>
        {pretty ? prettyJson(text) : text}
      </pre>
    </figure>
  )
}
