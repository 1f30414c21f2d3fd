import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DeliveryFixture,
  isCaughtUp,
  range,
  recorder,
  rows,
  statusOf,
  subscription,
} from '../../test/support/delivery-fixture.ts';
import { ENDS, until } from '../../test/support/until.ts';

test(
  'a subscription can be taken out and another put in its place while it runs',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    const [first, second] = [recorder(), recorder()];
    await using delivery = fixture.deliver();
    delivery.register(subscription('crm'), first);
    await delivery.start();
    await fixture.write(rows(10));
    await until(() => first.changes.length === 10 && isCaughtUp(delivery));
    let remembered = 0;
    await delivery.replace(subscription('crm', ['public.accounts']), second, async () => {
      remembered += 1;
    });
    await fixture.write([...rows(5, 20), ...rows(5, 0, 'public.other')]);
    await until(() => second.changes.length === 5 && isCaughtUp(delivery));
    assert.deepEqual([first.changes.length, remembered], [10, 1]);
    assert.deepEqual(
      second.changes.map(({ offset }) => offset),
      range(10, 15),
    );
    await delivery.unregister('crm');
    assert.deepEqual(delivery.status(), []);
    assert.equal((await fixture.state.subscription('crm'))?.cursor, 20);
  },
);

test('one whose new definition cannot be written down goes on as before', ENDS, async () => {
  await using fixture = await DeliveryFixture.create();
  const [first, second] = [recorder(), recorder()];
  await using delivery = fixture.deliver();
  delivery.register(subscription('crm'), first);
  await delivery.start();
  const replaced = delivery.replace(subscription('crm'), second, () =>
    Promise.reject(new Error('disk full')),
  );
  await assert.rejects(replaced, /disk full/);
  await fixture.write(rows(3));
  await until(() => first.changes.length === 3 && isCaughtUp(delivery), 5_000);
  assert.equal(second.changes.length, 0);
});

test(
  'one whose last outcomes cannot be written down is replaced, and repeats them',
  ENDS,
  async () => {
    await using fixture = await DeliveryFixture.create();
    let isBroken = false;
    const { state } = fixture;
    const checkpoint: typeof state.checkpoint = (all) =>
      isBroken ? Promise.reject(new Error('disk full')) : state.checkpoint(all);
    fixture.state = new Proxy(state, {
      get(target, name) {
        const value: unknown =
          name === 'checkpoint' ? checkpoint : Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const [first, second] = [recorder(), recorder()];
    await using delivery = fixture.deliver();
    delivery.register(subscription('crm'), first);
    await delivery.start();
    isBroken = true;
    await fixture.write(rows(3));
    await until(() => first.changes.length === 3, 5_000);
    await delivery.replace(subscription('crm'), second, async () => undefined);
    isBroken = false;
    await until(() => second.changes.length === 3 && isCaughtUp(delivery), 5_000);
    assert.equal(statusOf(delivery).cursor, 3);
  },
);
