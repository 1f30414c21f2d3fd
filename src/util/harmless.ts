/**
 * A text from elsewhere, such as a column's value or a database's message, without what a terminal
 * would take as a command; line breaks stay.
 */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
