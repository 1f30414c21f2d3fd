import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ACK,
  DeliveryFixture,
  rows,
  sink,
  statusOf,
  subscription,
} from '../../test/support/delivery-fixture.ts';
import { CHANGE, TOO_LARGE } from '../../test/support/fake-log.ts';
import { until } from '../../test/support/until.ts';
import type { ChangeView } from '../change/decode.ts';
import { changeReader } from './read-record.ts';

test('a change that is too large to be sent is parked at the first attempt', async () => {
  await using fixture = await DeliveryFixture.create();
  await fixture.write(rows(2));
  await using delivery = fixture.deliver();
  const sent: number[] = [];
  const endpoint = sink(({ change }) => {
    sent.push(change.offset);
    return change.offset === 0 ? Promise.reject(TOO_LARGE) : Promise.resolve(ACK);
  });
  delivery.register(subscription('crm'), endpoint);
  await delivery.start();
  await until(() => statusOf(delivery).parked === 1 && statusOf(delivery).lag === 0);
  assert.deepEqual(sent, [0, 1]);
  assert.equal(statusOf(delivery).lastError?.code, 'VALUE_TOO_LARGE');
});

test('who does not want the column that is too large gets the change', () => {
  const { schema, table: name } = CHANGE;
  const view = {
    stored: { table: { schema, name } },
    get change(): never {
      throw TOO_LARGE;
    },
    only: (columns: ReadonlySet<string>) => ({ ...CHANGE, changed: [...columns] }),
  };
  const filter = { tables: ['*.*'], columns: ['id', 'note'] };
  const read = changeReader(subscription('crm', ['*.*'], { filter }));
  assert.deepEqual(read(view as unknown as ChangeView).changed, ['id', 'note']);
  const all = changeReader(subscription('crm'));
  assert.throws(() => all(view as unknown as ChangeView), { code: 'VALUE_TOO_LARGE' });
});
