// What may stand in a log line: no credentials, no signatures, no query strings. Everything that is logged passes here.

export const REDACTED = '***'

/**
 * A URL for a log line: without userinfo, query and fragment, which carry tokens. The path stays, since without it the
 * webhooks of one host cannot be told apart.
 */
export const redactUrl = (url: string): string => {
  if (!URL.canParse(url)) return REDACTED
  const { protocol, host, pathname } = new URL(url)
  return host === '' ? `${protocol}${REDACTED}` : `${protocol}//${host}${pathname}`
}

const SECRET_HEADER =
  /^(?:authorization|proxy-authorization|authentication-info|www-authenticate|proxy-authenticate|cookie|set-cookie2?|webhook-signature|upstash-signature)$|(?:^|[-_])(?:api-?key|key|token|secret|password|signature|auth|credential|session)s?(?:$|[-_])/i

/** Whether the value of a header is a credential or a signature. Compared without case. */
export const isSecretHeader = (name: string): boolean => SECRET_HEADER.test(name)

/** Headers with the values of credentials and signatures replaced; the names stay. */
export const redactHeaders = (
  headers: Readonly<Record<string, string>>,
): Record<string, string> => {
  const shown: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    shown[name] = isSecretHeader(name) ? REDACTED : value
  }
  return shown
}

const URL_IN_TEXT = /\b([a-z][a-z0-9+.-]{0,30}):\/\/([^\s"'<>`]+)/gi

/**
 * Any text, such as the message of an error, without what must not be logged: userinfo, queries and fragments of URLs,
 * signing secrets, signatures, bearer and basic credentials, and `password=…` pairs.
 */
export const redactText = (text: string): string => (isHarmless(text) ? text : redacted(text))

/** An id, a number, an event name: nothing below could match. Most texts of most lines are of this kind. */
const isHarmless = (text: string): boolean =>
  /^[A-Za-z0-9._-]*$/.test(text) && !text.includes('whsec_')

const redacted = (text: string): string =>
  text
    .replace(
      URL_IN_TEXT,
      (_all, scheme: string, rest: string) => `${scheme}://${bareUrl(scheme, rest)}`,
    )
    .replace(/[^\s/@:"'<>]{1,256}:[^\s/@"'<>]{1,256}@/g, `${REDACTED}@`)
    .replace(/\bwhsec_[A-Za-z0-9+/=_-]+/g, `whsec_${REDACTED}`)
    .replace(/\bv1a?,[A-Za-z0-9+/]{20,}={0,2}/g, `v1,${REDACTED}`)
    .replace(/\b(bearer|basic)\s+[A-Za-z0-9._~+/:-]{6,}=*/gi, `$1 ${REDACTED}`)
    .replace(
      /\b(password|passwd|pwd|secret|token|api[_-]?key)("?\s*[=:]\s*"?)[^\s"',;&]+/gi,
      `$1$2${REDACTED}`,
    )

const bareUrl = (scheme: string, rest: string): string => {
  // In a web URL the authority ends at the first slash, and a later @ is part of the path. Connection strings are
  // written by hand: a password in one may hold an unescaped slash or question mark, so the last @ counts.
  const web = /^(?:https?|wss?)$/i.test(scheme)
  const end = web ? rest.search(/[/?#\\]/) : -1
  const authority = end === -1 ? rest : rest.slice(0, end)
  const at = authority.lastIndexOf('@')
  const tail = at === -1 ? rest : rest.slice(at + 1)
  return (at === -1 ? '' : `${REDACTED}@`) + tail.replace(/[?#].*$/, '')
}
