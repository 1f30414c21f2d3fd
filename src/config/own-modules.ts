import { readFileSync } from 'node:fs';
import { type LoadFnOutput, registerHooks } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileFunction } from 'node:vm';
import { stripTypes } from './strip-types.ts';

/** What a CommonJS module finds as parameters around it. */
const COMMONJS = ['exports', 'require', 'module', '__filename', '__dirname'];

let shared = false;
let accepted = false;

/**
 * Prepares this process, which is Tidings' own, for the modules of a project: its configuration file
 * and its handlers. They may `import … from 'tidings'` whatever is installed where they lie: they get
 * the Tidings that runs, so that there is one of it in the process. And see {@link acceptModuleSyntax}.
 */
export function prepareOwnModules(): void {
  acceptModuleSyntax();
  if (shared) return;
  shared = true;
  const index = new URL(`../index${extname(import.meta.filename)}`, import.meta.url).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'tidings' ? { url: index, shortCircuit: true } : next(specifier, context),
  });
}

/**
 * From here on files of a project may be written as modules in a package that says
 * `"type": "commonjs"`, as `npm init` writes it: Node.js would take its word for it, and fail at the
 * first `import`. Whatever loads without this loads as before, also in a program of somebody else.
 */
export function acceptModuleSyntax(): void {
  if (accepted) return;
  accepted = true;
  registerHooks({
    load: (url, context, next) => {
      const found = asModule(url, context.format);
      if (found === null) return next(url, context);
      const loaded = next(url, { ...context, format: found.format });
      return isPassedOver(loaded) ? { ...found, shortCircuit: true } : loaded;
    },
  });
}

/** Yarn's Plug'n'Play goes by the package alone, and leaves the reading of CommonJS to Node.js. */
function isPassedOver({ format, source }: LoadFnOutput): boolean {
  return format === 'commonjs' && (source === undefined || source === null);
}

/** A file of the project that its package takes for CommonJS, or for anything, and is none; else null. */
function asModule(
  url: string,
  format: string | null | undefined,
): { readonly format: string; readonly source: string } | null {
  // Yarn's Plug'n'Play tells no format; modules of either kind are let alone.
  if (!['commonjs', 'commonjs-typescript', undefined, null].includes(format)) return null;
  // Names such as .cjs are the author's word for this one file, and what is installed is tried out.
  const [, ending] = /^file:.*\.([jt]s)$/.exec(url) ?? [];
  if (ending === undefined || url.includes('/node_modules/')) return null;
  const source = readFileSync(fileURLToPath(url), 'utf8');
  const typed = ending === 'ts';
  if (compilesAsCommonJs(source, typed)) return null;
  return { format: typed ? 'module-typescript' : 'module', source };
}

function compilesAsCommonJs(text: string, typed: boolean): boolean {
  let code = text;
  try {
    if (typed) code = stripTypes(text);
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
