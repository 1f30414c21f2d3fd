import { ValueProblem } from './value.ts';

const PREFIX = 'whsec_';
/** Limits of the Standard Webhooks specification, "Signature scheme". */
const MIN_BYTES = 24;
const MAX_BYTES = 64;
const MAKE_ONE = `node -p "'whsec_' + crypto.randomBytes(32).toString('base64')" makes one`;

/**
 * Checks the secrets that sign a webhook: one, or several while receivers change over to a new one.
 * Messages never show them.
 * @returns all of them; the first is the newest.
 * @throws ValueProblem
 */
export function readWebhookSecrets(written: unknown): readonly string[] {
  const secrets: readonly unknown[] = Array.isArray(written) ? written : [written];
  if (secrets.length === 0) throw new ValueProblem(`is an empty list; ${MAKE_ONE}`);
  if (new Set(secrets).size < secrets.length) throw new ValueProblem('has the same secret twice');
  return secrets.map(readSecret);
}

function readSecret(written: unknown): string {
  if (typeof written !== 'string' || !written.startsWith(PREFIX)) {
    throw new ValueProblem(`has to begin with ${PREFIX}; ${MAKE_ONE}`);
  }
  const encoded = written.slice(PREFIX.length);
  const bytes = Buffer.from(encoded, 'base64');
  // Buffer skips what is not base64: what it read has to say the same again.
  if (bytes.toString('base64').replace(/=+$/, '') !== encoded.replace(/=+$/, '')) {
    throw new ValueProblem(`has to be base64 after ${PREFIX}; ${MAKE_ONE}`);
  }
  if (bytes.length < MIN_BYTES || bytes.length > MAX_BYTES) {
    throw new ValueProblem(
      `has ${bytes.length} bytes, and needs ${MIN_BYTES} to ${MAX_BYTES}; ${MAKE_ONE}`,
    );
  }
  return written;
}
