// Closes a switch over a tagged union: a new case that nobody handles does not compile.

/** @throws always; reached only when a value escaped the type system. */
export const assertNever = (value: never): never => {
  throw new TypeError(`unexpected case: ${JSON.stringify(value)}`)
}
