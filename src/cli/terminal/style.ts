import { styleText } from 'node:util';

export type Style = Parameters<typeof styleText>[0];

/** Colours a text for one output, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

export function painter(output: { readonly colour: boolean }): Paint {
  if (!output.colour) return (_style, text) => text;
  // The output has decided about colour already.
  return (style, text) => styleText(style, text, { validateStream: false });
}

/**
 * A text from elsewhere, such as a column's value or a database's message, without what a terminal
 * would take as a command; line breaks stay.
 */
export function harmless(text: string): string {
  return text.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
