/** An address that something is registered for, with `:name` for what varies. */
export interface KnownRoute {
  readonly url: string;
  readonly methods: readonly string[];
}

/** The methods that an address takes; none when there is nothing at it. */
export function allowedMethods(routes: readonly KnownRoute[], url: string): readonly string[] {
  const path = url.replace(/[?#].*$/s, '').split('/');
  const found = routes.filter((route) => matches(route.url.split('/'), path));
  return [...new Set(found.flatMap(({ methods }) => methods))].sort();
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  return (
    pattern.length === path.length &&
    pattern.every((part, at) => (part.startsWith(':') ? path[at] !== '' : part === path[at]))
  );
}
