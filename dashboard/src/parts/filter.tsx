// A filter that goes into the address when it is sent: Enter, or its button.

import { useEffect, useState } from 'preact/hooks'
import { Field } from './field.tsx'

type SearchBoxProps = { label: string; value: string; onSearch(value: string): void }

export const SearchBox = ({ label, value, onSearch }: SearchBoxProps) => {
  const [text, setText] = useState(value)
  // The address may change without this box: Back, a link.
  useEffect(() => setText(value), [value])
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        onSearch(text.trim())
      }}
    >
      <Field label={label} value={text} onValue={setText} mono />
      <button>Filter</button>
      {value === '' ? null : (
        <button type="button" class="quiet" onClick={() => onSearch('')}>
          Clear
        </button>
      )}
    </form>
  )
}
