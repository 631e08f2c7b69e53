// A labelled field, with its hint and what the broker said about it, tied together for those who do not see them.

import { useId } from 'preact/hooks'
import type { Problem } from '../api/types.ts'
import { fromField, toField } from '../state/time.ts'

type FieldProps = {
  label: string
  value: string
  onValue(value: string): void
  type?: 'text' | 'password' | 'datetime-local'
  hint?: string
  placeholder?: string
  /** Values to choose from while typing. */
  options?: readonly string[]
  required?: boolean
  autoFocus?: boolean
  mono?: boolean
  /** More than one: a text of so many lines. */
  rows?: number
  fault?: string | undefined
  name?: string
}

/** What a problem says about one field, or about a part of it (`headers.x-token`). */
export const faultOf = (problem: Problem | undefined, field: string): string | undefined => {
  const found = problem?.errors.filter(
    (fault) => fault.field === field || fault.field.startsWith(`${field}.`),
  )
  return found === undefined || found.length === 0
    ? undefined
    : found.map(({ message }) => message).join('; ')
}

/** The same where a code of a problem is about one field alone. */
export const faultBy = (
  problem: Problem | undefined,
  field: string,
  codes: readonly string[],
): string | undefined =>
  faultOf(problem, field) ??
  (problem !== undefined && codes.includes(problem.code) ? problem.detail : undefined)

export const Field = (props: FieldProps) => {
  const id = useId()
  const { label, value, onValue, type = 'text', hint, options, rows = 1, fault, mono } = props
  const described = [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(' ')
  const isTime = type === 'datetime-local'
  const classes = `field${fault === undefined ? '' : ' faulty'}${isTime ? ' time' : ''}`
  // One element serves all types; Preact's types want to know which, to say what roles it may have.
  const kind: { type: 'text' } = { type: type as 'text' }
  const shared = {
    id,
    value,
    name: props.name ?? label,
    required: props.required ?? false,
    placeholder: props.placeholder ?? '',
    autofocus: props.autoFocus ?? false,
    spellcheck: false,
    class: mono === true ? 'mono' : '',
    'aria-invalid': fault !== undefined,
    ...(described === '' ? {} : { 'aria-describedby': described }),
    onInput: (event: { currentTarget: { value: string } }) => onValue(event.currentTarget.value),
  }
  return (
    <div class={classes}>
      <label for={id}>{label}</label>
      {rows > 1 ? (
        <textarea {...shared} rows={rows} />
      ) : (
        <input
          {...shared}
          {...kind}
          autocomplete="off"
          {...(isTime ? { step: 1 } : {})}
          {...(options === undefined ? {} : { list: `${id}-options` })}
        />
      )}
      {options === undefined ? null : (
        <datalist id={`${id}-options`}>
          {options.map((option) => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
      {hint === undefined ? null : (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {fault === undefined ? null : (
        <p class="fault" id={`${id}-fault`}>
          {fault}
        </p>
      )}
    </div>
  )
}

type ChoiceProps = {
  label: string
  value: string
  onValue(value: string): void
  options: readonly (readonly [value: string, label: string])[]
}

export const Choice = ({ label, value, onValue, options }: ChoiceProps) => {
  const id = useId()
  return (
    <div class="field choice">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </div>
  )
}

type TimeFieldProps = { label: string; iso: string; onIso(iso: string): void }

/** Shows and takes local time; holds what the API takes. */
export const TimeField = ({ label, iso, onIso }: TimeFieldProps) => (
  <Field
    label={label}
    type="datetime-local"
    value={toField(iso)}
    onValue={(value) => onIso(fromField(value))}
  />
)
