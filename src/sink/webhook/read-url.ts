import { kindOf, ValueProblem } from '../../option/value.ts';

const EXAMPLE = 'https://crm.example/changes';

/**
 * Checks a webhook's address. Messages never show it: its path or query may hold a secret.
 * @throws ValueProblem
 */
export function readWebhookUrl(written: unknown): string {
  if (typeof written !== 'string') {
    throw new ValueProblem(`is ${kindOf(written)}, and has to be an address: ${EXAMPLE}`);
  }
  if (!URL.canParse(written)) throw new ValueProblem(`is not an address; write ${EXAMPLE}`);
  const url = new URL(written);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new ValueProblem(`begins with ${url.protocol}, and has to begin with https: or http:`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new ValueProblem(
      'has a user or password in it; send them as a header: headers: { authorization: … }',
    );
  }
  if (url.hash !== '') throw new ValueProblem('has a #fragment, which is never sent');
  return written;
}
