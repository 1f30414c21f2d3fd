import { z } from 'zod';
import { FILE_KIND } from '../sink/file/file-kind.ts';
import type { ShownFile } from '../sink/file/file-settings.ts';
import { HANDLER_KIND } from '../sink/handler/handler-kind.ts';
import type { ConfiguredEndpoint, SinkKind } from '../sink/sink-kind.ts';
import { WEBHOOK_KIND } from '../sink/webhook/webhook-kind.ts';
import type { ShownWebhook } from '../sink/webhook/webhook-settings.ts';
import type { SinkName } from './sink-options.ts';

/** The kinds of endpoint, by their key under `to`. Another kind is another member here and in `sink-options.ts`. */
const SINK_KINDS = {
  handler: HANDLER_KIND,
  webhook: WEBHOOK_KIND,
  file: FILE_KIND,
} as const satisfies Record<SinkName, SinkKind>;

/** `to`: one of the kinds, with its settings. */
export const endpointSchema = z.union([
  z.strictObject({ handler: HANDLER_KIND.schema }),
  z.strictObject({ webhook: WEBHOOK_KIND.schema }),
  z.strictObject({ file: FILE_KIND.schema }),
]);

/** `to`, as it is shown: secrets left out. */
export const shownEndpointSchema = z.union([
  z.object({ handler: HANDLER_KIND.shown }),
  z.object({ webhook: WEBHOOK_KIND.shown }),
  z.object({ file: FILE_KIND.shown }),
]);

type EndpointSettings = z.output<typeof endpointSchema>;

/** Where a subscription's changes go, as it is shown. */
export type EndpointDocument =
  | { readonly handler: string }
  | { readonly webhook: ShownWebhook }
  | { readonly file: ShownFile };

/** The endpoint that `to` configures. */
export function endpointOf(to: EndpointSettings): ConfiguredEndpoint {
  const [name, settings] = entryOf(to);
  return kindOf(name).configured(settings);
}

/** The key under which an endpoint's kind stands. */
export function kindName(to: EndpointSettings | EndpointDocument): SinkName {
  return entryOf(to)[0];
}

/** The same endpoint with absolute paths. */
export function located(
  to: EndpointSettings,
  absolute: (path: string) => string,
): EndpointSettings {
  const [name, settings] = entryOf(to);
  return { [name]: kindOf(name).located(settings, absolute) } as EndpointSettings;
}

/** What is shown of an endpoint: no secret in it. */
export function endpointDocument(to: EndpointSettings): EndpointDocument {
  return { [kindName(to)]: endpointOf(to).shown() } as EndpointDocument;
}

/** Where changes go, in a word. */
export function endpointLabel(shown: EndpointDocument): string {
  const [name, document] = entryOf(shown);
  return kindOf(name).label(document);
}

/** Where changes go, in full. */
export function endpointDetails(
  shown: EndpointDocument,
): readonly (readonly [name: string, text: string])[] {
  const [name, document] = entryOf(shown);
  return kindOf(name).details(document);
}

/** A new definition with the secrets of the endpoint before, where both are of one kind. */
export function keepSecrets(definition: unknown, before: EndpointSettings): unknown {
  const name = kindName(before);
  if (!isObject(definition) || !isObject(definition['to'])) return definition;
  const written = definition['to'];
  if (!Object.hasOwn(written, name)) return definition;
  return {
    ...definition,
    to: { ...written, [name]: endpointOf(before).keepSecrets(written[name]) },
  };
}

function entryOf(to: EndpointSettings | EndpointDocument): readonly [SinkName, unknown] {
  const [entry] = Object.entries(to) as [SinkName, unknown][];
  if (entry === undefined) throw new Error('An endpoint without a kind');
  return entry;
}

function kindOf(name: SinkName): SinkKind {
  return SINK_KINDS[name];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
