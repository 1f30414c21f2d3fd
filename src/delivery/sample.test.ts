import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DeliveryFixture,
  recorder,
  rows,
  subscription,
} from '../../test/support/delivery-fixture.ts';
import { ENDS } from '../../test/support/until.ts';

test('a sample has the columns that its subscription gets, and no others', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  await using delivery = fixture.deliver();
  const filter = { tables: ['public.*'], columns: ['id'] };
  delivery.register({ ...subscription('crm'), filter }, recorder());
  await delivery.start();
  await fixture.write([{ key: '7', value: 'for nobody else' }]);
  assert.deepEqual((await delivery.sample('crm'))?.after, { id: '7' });
});

test('a sample is the newest that is visible; without one there is none', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  await using delivery = fixture.deliver();
  delivery.register(subscription('crm'), recorder());
  delivery.register(subscription('other', ['public.other']), recorder());
  await delivery.start();
  await fixture.append(rows(1));
  assert.equal(await delivery.sample('crm'), null);
  await fixture.write(rows(2, 1));
  await fixture.append(rows(1, 3));
  assert.equal((await delivery.sample('crm'))?.offset, 2);
  assert.equal(await delivery.sample('other'), null);
});
