/** A place in a configuration as messages name it: `subscriptions.crm.tables`; what is no plain name is quoted. */
export function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the whole of it';
  return path
    .map((part) => (/^[\w-]+$/.test(String(part)) ? String(part) : JSON.stringify(String(part))))
    .join('.');
}
