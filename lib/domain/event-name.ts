// The grammar of event names. It leaves out `/ % ? # :` and blanks, and with them every bug about
// decoding paths twice and about names that meet other Redis keys (hard cases O-NAME-1 to O-NAME-3).

const GRAMMAR = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/

/** Events that the broker itself fires. They can be registered for; a trigger of one is refused. */
export const RESERVED_PREFIX = 'broker.'

export const EVENT_NAME_RULE =
  'an event name has 1 to 128 characters out of A-Z a-z 0-9 . _ - and is neither "." nor ".."'

/** Whether a text is an event name. Case matters; nothing is trimmed. */
export const isEventName = (text: string): boolean => GRAMMAR.test(text)

/** Whether the name belongs to the broker's own events. */
export const isReservedEventName = (name: string): boolean => name.startsWith(RESERVED_PREFIX)
