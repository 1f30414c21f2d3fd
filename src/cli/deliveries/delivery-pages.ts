import type { DeliveryPage, DeliveryReport, DeliveryStateName } from '../../app/administration.ts';
import type { ApiClient } from '../api-client.ts';

/** As many as are asked for at once: few requests, and little memory on both sides. */
const PAGE = 500;

export interface DeliveryPages {
  readonly subscription?: string | undefined;
  readonly states?: readonly DeliveryStateName[] | undefined;
  /** `next` of the last page that was seen. */
  readonly after?: string | undefined;
  /** At most so many in all. Default: all. */
  readonly limit?: number | undefined;
}

/** Deliveries page by page, so that any number of them takes little memory. */
export async function* deliveryPages(
  api: ApiClient,
  { subscription, states, after, limit = Infinity }: DeliveryPages,
): AsyncGenerator<DeliveryPage> {
  let left = limit;
  let next = after ?? null;
  do {
    const page: DeliveryPage = await api.ask('/v1/deliveries', {
      query: {
        subscription,
        state: states?.join(','),
        after: next ?? undefined,
        limit: Math.min(PAGE, left),
      },
    });
    yield page;
    left -= page.deliveries.length;
    next = page.next;
  } while (next !== null && left > 0);
}

/** One after the other. */
export async function* eachDelivery(
  api: ApiClient,
  pages: DeliveryPages,
): AsyncGenerator<DeliveryReport> {
  for await (const { deliveries } of deliveryPages(api, pages)) yield* deliveries;
}
