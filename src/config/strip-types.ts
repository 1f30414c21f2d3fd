import { stripTypeScriptTypes } from 'node:module';

/**
 * TypeScript without its types, each replaced by blanks: places stay where they are.
 *
 * Node.js remarks once per process that its function is experimental. What is written to the terminal
 * belongs to the program, and this is no concern of who runs it.
 * @throws SyntaxError with the place in its stack; Error for what is no erasable syntax.
 */
export function stripTypes(text: string, sourceUrl?: string): string {
  const own: unknown = Reflect.get(process, 'emitWarning');
  process.emitWarning = () => undefined;
  try {
    return stripTypeScriptTypes(text, sourceUrl === undefined ? {} : { sourceUrl });
  } finally {
    Reflect.set(process, 'emitWarning', own);
  }
}
