import { readFileSync } from 'node:fs';
import { TidingsError } from '../errors/tidings-error.ts';
import { optionEntries } from './option-table.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Variables whose value is a secret. */
export function secretVariables(): readonly string[] {
  const table = optionEntries().flatMap(([, { env, secret }]) =>
    secret === true && env !== undefined ? [env] : [],
  );
  return ['DATABASE_URL', ...table];
}

/**
 * The environment, with the secrets that lie in files: `DATABASE_URL_FILE` names the file that holds
 * `DATABASE_URL`. That is how Docker, Kubernetes and systemd hand secrets over; a variable of its own
 * shows in `docker inspect` and in `/proc`. A line break at the end of the file does not count.
 * @throws TidingsError `SECRET_FILE_UNREADABLE`, `SECRET_TWICE`
 */
export function withSecretFiles(env: Environment): Environment {
  const secrets = secretVariables().flatMap((variable) => {
    const path = env[`${variable}_FILE`];
    if (path === undefined || path === '') return [];
    const given = env[variable];
    if (given !== undefined && given !== '') throw new TidingsError('SECRET_TWICE', { variable });
    return [[variable, readSecret(variable, path)] as const];
  });
  return secrets.length === 0 ? env : { ...env, ...Object.fromEntries(secrets) };
}

function readSecret(variable: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TidingsError('SECRET_FILE_UNREADABLE', { variable, reason }, { cause: error });
  }
  const secret = text.replace(/\r?\n$/, '');
  if (secret !== '') return secret;
  throw new TidingsError('SECRET_FILE_UNREADABLE', { variable, reason: `${path} is empty` });
}
