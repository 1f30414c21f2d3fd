const SECRET_PARAMETERS = /pass|secret|token|key/i;
const HIDDEN = '***';

/**
 * A database address that may be shown: without password. Everything that prints an address goes
 * through here. Text that does not parse may have its password anywhere, so none of it is shown.
 */
export function redactUrl(url: string): string {
  if (!URL.canParse(url)) return '(unreadable address)';
  const parsed = new URL(url);
  if (parsed.password !== '') parsed.password = HIDDEN;
  for (const name of new Set(parsed.searchParams.keys())) {
    if (SECRET_PARAMETERS.test(name)) parsed.searchParams.set(name, HIDDEN);
  }
  return parsed.href;
}

/** A text in which addresses may occur, such as another program's error message. */
export function redactText(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:@/]*):[^\s@/]*@/gi, `$1:${HIDDEN}@`);
}
