import type { TidingsError } from '../../errors/tidings-error.ts';
import { isPem } from '../../option/pem.ts';
import { withoutUndefined } from '../../util/without-undefined.ts';
import { type MissingValue, missingValue, ofEndpoint } from '../../option/missing-value.ts';
import type { ConfiguredEndpoint, OpenContext, SettingProblem, SinkKind } from '../sink-kind.ts';
import type { Sink } from '../sink.ts';
import { readCertificates } from './read-certificates.ts';
import { webhookSchema, type WebhookSettings, webhookShown } from './webhook-settings.ts';

const EXAMPLES = { url: 'CRM_URL=https://crm.example/in', secret: 'CRM_SECRET=whsec_…' } as const;

/** `to: { webhook: { url, secret } }`: each change is posted to an address. */
export const WEBHOOK_KIND: SinkKind<typeof webhookSchema, typeof webhookShown> = {
  schema: webhookSchema,
  shown: webhookShown,
  located,
  configured,
  label: ({ url }) => originOf(url),
  details: ({ url, headers }) => [
    ['to', url],
    ...(headers.length === 0 ? [] : [['headers', headers.join(', ')] as const]),
  ],
};

/** PEM text is told from a path by how it begins. */
function located(
  { tls, ...settings }: WebhookSettings,
  absolute: (path: string) => string,
): WebhookSettings {
  if (tls === undefined) return settings;
  const place = (written: string): string => (isPem(written) ? written : absolute(written));
  const placed = Object.entries(withoutUndefined(tls)).map(([name, written]) => [
    name,
    place(written),
  ]);
  return { ...settings, tls: Object.fromEntries(placed) as NonNullable<WebhookSettings['tls']> };
}

function configured(settings: WebhookSettings): ConfiguredEndpoint {
  const { url = '', headers, tls } = settings;
  return {
    file: null,
    problems: () => problems(settings),
    missing: () => missing(settings),
    refusedOverHttp: () =>
      Object.values(withoutUndefined(tls ?? {})).every(isPem)
        ? null
        : 'a certificate or key from a file of this machine; send the PEM text itself',
    shown: () => ({ url, headers: Object.keys(headers ?? {}) }),
    keepSecrets: (written) => keepSecrets(written, settings),
    check: (subscription) => {
      readCertificates(subscription, withoutUndefined(tls ?? {}));
      const message = `posts to ${originOf(url)}; \`tidings trigger-test ${subscription}\` tries it`;
      return { status: 'ok', message };
    },
    open: (context) => open(settings, context),
  };
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : '(unreadable address)';
}

function problems({ tls }: WebhookSettings): readonly SettingProblem[] {
  if ((tls?.cert === undefined) === (tls?.key === undefined)) return [];
  const absent = tls?.cert === undefined ? 'cert' : 'key';
  const problem = 'is missing; a client certificate needs both cert and key';
  return [{ path: ['webhook', 'tls', absent], problem }];
}

function missing(settings: WebhookSettings): readonly MissingValue[] {
  const needed = ['url', 'secret'] as const;
  return needed.filter((key) => settings[key] === undefined).map(absent);
}

function absent(key: 'url' | 'secret'): MissingValue {
  return { path: ['webhook', key], example: EXAMPLES[key] };
}

/** Who has come so far without it is a program: commands ask for all that is missing before. */
function lacking(subscription: string, key: 'url' | 'secret'): TidingsError {
  return missingValue(ofEndpoint(subscription, absent(key)), 'program');
}

/** Headers stay only with the same origin: a change of the address alone must not send them to somebody else. */
function keepSecrets(written: unknown, before: WebhookSettings): unknown {
  if (typeof written !== 'object' || written === null || Array.isArray(written)) return written;
  const { secret, headers, tls, url } = before;
  const now = Reflect.get(written, 'url') as unknown;
  const sameOrigin =
    typeof now === 'string' && url !== undefined && originOf(now) === originOf(url);
  return {
    ...withoutUndefined({ secret }),
    ...(sameOrigin && URL.canParse(url) ? withoutUndefined({ headers, tls }) : {}),
    ...written,
  };
}

async function open(
  settings: WebhookSettings,
  { subscription, maxConcurrency, allowAddresses, userAgent }: OpenContext,
): Promise<Sink> {
  const { url, secret, headers = {}, tls = {} } = settings;
  if (url === undefined) throw lacking(subscription, 'url');
  if (secret === undefined) throw lacking(subscription, 'secret');
  const certificates = readCertificates(subscription, withoutUndefined(tls));
  // Its HTTP client takes a while to load, and who only looks at a configuration does not need it.
  const { WebhookSink } = await import('./webhook-sink.ts');
  return new WebhookSink({
    url,
    secrets: secret,
    headers,
    tls: certificates,
    allowAddresses,
    connections: maxConcurrency,
    userAgent,
  });
}
