/**
 * True where there is no value. Of a composite one, `IS NULL` asks whether its attributes are null, and
 * `IS NOT NULL` whether none of them is; this asks for the value itself, as constraints do.
 */
export function isNull(value: string): string {
  return `${value} IS NOT DISTINCT FROM NULL`;
}

/** The opposite of {@link isNull}. */
export function isGiven(value: string): string {
  return `${value} IS DISTINCT FROM NULL`;
}
