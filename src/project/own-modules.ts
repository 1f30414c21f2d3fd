import { readFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';

/** What a CommonJS module finds as parameters around it. */
const COMMONJS = ['exports', 'require', 'module', '__filename', '__dirname'];

let prepared = false;

/**
 * Prepares this process for the modules of a project: its configuration file and its handlers.
 *
 * They may `import … from 'tidings'` whatever is installed where they lie: they get the Tidings that
 * runs, so that there is one of it in the process. And they may be written as modules in a package
 * that says `"type": "commonjs"`, as `npm init` writes it: Node.js would take its word for it, and
 * fail at the first `import`.
 */
export function prepareOwnModules(): void {
  if (prepared) return;
  prepared = true;
  const index = new URL(`../index${extname(import.meta.filename)}`, import.meta.url).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'tidings' ? { url: index, shortCircuit: true } : next(specifier, context),
    load: (url, context, next) => {
      const format = moduleFormat(url, context.format);
      return next(url, format === null ? context : { ...context, format });
    },
  });
}

/** The format of a file of the project that its package takes for CommonJS and is none; else null. */
function moduleFormat(url: string, format: string | null | undefined): string | null {
  const typed = format === 'commonjs-typescript';
  if (!typed && format !== 'commonjs') return null;
  // Names such as .cjs are the author's word for this one file, and what is installed is tried out.
  if (!/^file:.*\.[jt]s$/.test(url) || url.includes('/node_modules/')) return null;
  const text = readFileSync(fileURLToPath(url), 'utf8');
  if (compilesAsCommonJs(text, typed)) return null;
  return typed ? 'module-typescript' : 'module';
}

function compilesAsCommonJs(text: string, typed: boolean): boolean {
  let code = text;
  try {
    if (typed) code = stripTypeScriptTypes(text);
  } catch {
    // Whatever it is, it does not load: Node.js says why, and where.
    return true;
  }
  try {
    compileFunction(code, COMMONJS);
    return true;
  } catch {
    // It is a module, or is wrong in a way that reading it as one shows as well.
    return false;
  }
}
