import { styleText } from 'node:util';

export type Style = Parameters<typeof styleText>[0];

/** Colours a text for one output, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

export function painter(output: { readonly colour: boolean }): Paint {
  if (!output.colour) return (_style, text) => text;
  // The output has decided about colour already.
  return (style, text) => styleText(style, text, { validateStream: false });
}
