/** Stands for what an example leaves out: a member of this name, or an entry. */
export const LEFT_OUT = '…';

/** Reads JSON of an example, in which `…` stands for members, entries or the rest of a text. */
export function parseElided(text: string): unknown {
  const open: string[] = [];
  let json = '';
  for (const [token] of text.matchAll(/"(?:\\.|[^"\\])*"|…|[^"…]/g)) {
    if (token === '{' || token === '[') open.push(token);
    if (token === '}' || token === ']') open.pop();
    if (token === '…') json += open.at(-1) === '{' ? `"${LEFT_OUT}":true` : `"${LEFT_OUT}"`;
    else json += token;
  }
  // What follows a dot-dot-dot on the next line is another member.
  const marked = json.replaceAll(/("…"(?::true)?)(\s*)(?=["{])/g, '$1,$2');
  return JSON.parse(marked);
}
