import { TidingsError } from '../errors/tidings-error.ts';
import { listOption } from './command.ts';
import type { ParsedOptions } from './command-line.ts';
import type { Io } from './io.ts';
import { readInput } from './read-input.ts';

/** As many as HMAC-SHA256 has in its result; more add nothing. */
const BYTES = 32;

/** A new secret for a webhook, in the form of the Standard Webhooks specification. */
export function newSecret(): string {
  // Not from node:crypto, which every `--help` would load.
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES));
  return `whsec_${Buffer.from(bytes).toString('base64')}`;
}

/**
 * The secrets by `--secret`, standard input or variable; null when there is none.
 * @throws TidingsError `USAGE` when one is none; it is not shown.
 */
export async function readSecrets(
  options: ParsedOptions,
  io: Io,
  command: string,
): Promise<readonly string[] | null> {
  const variable = io.env['TIDINGS_WEBHOOK_SECRET'];
  const written = listOption(options, 'secret') ?? (variable ? [variable] : null);
  if (written === null) return null;
  const secrets = await Promise.all(
    written.map(async (secret) => (secret === '-' ? (await readInput('-', io)).trim() : secret)),
  );
  // With the checks of the configuration, which is loaded for them.
  const [{ readWebhookSecrets }, { ValueProblem }] = await Promise.all([
    import('../option/webhook-secret.ts'),
    import('../option/value.ts'),
  ]);
  try {
    return readWebhookSecrets(secrets);
  } catch (error) {
    if (!(error instanceof ValueProblem)) throw error;
    const problem = `--secret (TIDINGS_WEBHOOK_SECRET) ${error.message}.`;
    throw new TidingsError('USAGE', { problem, command }, { cause: error });
  }
}
