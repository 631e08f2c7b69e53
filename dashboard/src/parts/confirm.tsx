// A button that asks before it acts, in a dialog of the browser: it holds the focus, and Escape closes it.

import type { ComponentChildren } from 'preact'
import { useId, useRef } from 'preact/hooks'

type ConfirmProps = {
  label: string
  /** The question, and what follows from a yes. */
  title: string
  children: ComponentChildren
  danger?: boolean
  disabled?: boolean
  onYes(): void
}

export const Confirm = ({ label, title, children, danger, disabled, onYes }: ConfirmProps) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const id = useId()
  const close = () => dialog.current?.close()
  return (
    <>
      <button
        type="button"
        class={danger === true ? 'danger' : ''}
        disabled={disabled ?? false}
        onClick={() => dialog.current?.showModal()}
      >
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={id}>
        <h2 id={id}>{title}</h2>
        {children}
        <div class="actions">
          <button type="button" onClick={close}>
            Leave it
          </button>
          <button
            type="button"
            class={danger === true ? 'danger primary' : 'primary'}
            onClick={() => {
              close()
              onYes()
            }}
          >
            {label}
          </button>
        </div>
      </dialog>
    </>
  )
}
