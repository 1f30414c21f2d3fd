import { z } from 'zod';
import { described } from '../../option/described.ts';
import { text, value, valueIfSet } from '../../option/value.ts';
import { readWebhookSecrets } from '../../option/webhook-secret.ts';
import { readWebhookHeaders } from './read-headers.ts';
import { readWebhookUrl } from './read-url.ts';

/** What stands in `to: { webhook }`. Address and secret may be absent until somebody posts. */
export const webhookSchema = z.strictObject({
  url: valueIfSet<string, string>(readWebhookUrl),
  secret: valueIfSet<string | readonly string[], readonly string[]>(readWebhookSecrets),
  headers: value<Readonly<Record<string, string>>, Readonly<Record<string, string>>>(
    readWebhookHeaders,
  ).optional(),
  tls: z
    .strictObject({ ca: text().optional(), cert: text().optional(), key: text().optional() })
    .optional(),
});

export type WebhookSettings = z.output<typeof webhookSchema>;

/** What is shown of one: secrets left out. */
export interface ShownWebhook {
  readonly url: string;
  /** Names of the headers; their values may be secret. */
  readonly headers: readonly string[];
}

export const webhookShown = z.object({
  url: z.string(),
  headers: described(z.array(z.string()), 'Their names; the values may be secret.'),
});
