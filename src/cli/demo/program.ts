import { fileURLToPath } from 'node:url';

/**
 * The arguments for Node.js that run the demo's mail server: the example that users are shown, so
 * that what the demo proves is what they copy. In a checkout that is its source, in the published
 * package its compiled form.
 */
export function mailServerProgram(): readonly string[] {
  const here = import.meta.url;
  if (!here.endsWith('.ts')) return [path('../../examples/mail-server/mail-server.js')];
  // The package's own name leads to what is published, which a checkout need not have.
  const hook = new URL('./resolve-own-name.ts', here).href;
  return ['--import', hook, path('../../../examples/mail-server/mail-server.ts')];
}

function path(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}
