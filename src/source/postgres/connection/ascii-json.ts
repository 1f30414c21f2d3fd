/**
 * The same JSON in ASCII: what stands beside it are escapes. Every database can hold that, also one
 * whose encoding lacks the character of a name.
 */
export function asciiJson(text: string): string {
  return text.replaceAll(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
