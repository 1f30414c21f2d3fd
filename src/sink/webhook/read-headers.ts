import { kindOf, ValueProblem } from '../../option/value.ts';

/** RFC 9110, 5.6.2 and 5.5: a token; visible characters, spaces and tabs. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Set by Tidings, or about the connection and not the request (RFC 9110, 7.6.1). */
const OURS = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Checks the headers that a webhook gets besides those of Tidings. Messages never show a value.
 * @throws ValueProblem
 */
export function readWebhookHeaders(written: unknown): Readonly<Record<string, string>> {
  if (typeof written !== 'object' || written === null || Array.isArray(written)) {
    throw new ValueProblem(`is ${kindOf(written)}, and has to be an object: { 'x-name': 'value' }`);
  }
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(written)) {
    const lower = name.toLowerCase();
    checkHeader(name, value);
    if (seen.has(lower)) throw new ValueProblem(`has ${lower} twice`);
    seen.add(lower);
  }
  return { ...(written as Record<string, string>) };
}

function checkHeader(name: string, value: unknown): void {
  if (!NAME.test(name)) throw new ValueProblem(`has a name that is none: ${JSON.stringify(name)}`);
  const lower = name.toLowerCase();
  if (OURS.has(lower) || lower.startsWith('webhook-') || lower.startsWith('tidings-')) {
    throw new ValueProblem(`has ${lower}, which Tidings sets itself`);
  }
  if (typeof value !== 'string') throw new ValueProblem(`has no text as the value of ${lower}`);
  if (!VALUE.test(value) || value.trim() !== value) {
    throw new ValueProblem(`has a value of ${lower} that no header may have`);
  }
}
