import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkStandbys, type Standbys } from './check-standbys.ts';
import type { Slot } from '../setup/slot.ts';

const SLOT: Slot = {
  slot_name: 'tidings_main',
  plugin: 'pgoutput',
  database: 'shop',
  active_pid: null,
  restart_lsn: '0/1',
  confirmed_flush_lsn: '0/1',
  wal_status: 'reserved',
  safe_wal_size: null,
  failover: true,
};

const standby = (name: string, active = true): Standbys['slots'][number] => ({ name, active });

function check(
  standbys: Partial<Standbys>,
  version = 180_000,
  slot: Slot | null = SLOT,
): readonly (readonly [name: string, status: string, text: string])[] {
  const all = { count: standbys.slots?.length ?? 0, slots: [], synchronized: '', ...standbys };
  return [...checkStandbys('main', version, { slot, standbys: all })].map(
    ({ name, status, message, fix = '', sql = '' }) => [name, status, `${message} ${fix} ${sql}`],
  );
}

test('nothing is said where there is no standby', () => {
  assert.deepEqual(check({}), []);
  assert.deepEqual(check({ synchronized: null }, 140_000), []);
});

test('standbys that nobody waits for, with the setting that waits', () => {
  const [[name, status, text] = []] = check({ slots: [standby('s1', false), standby('S 2')] });
  assert.deepEqual([name, status], ['standbys', 'warning']);
  assert.match(text ?? '', /SET synchronized_standby_slots = 's1, S 2'; SELECT pg_reload_conf/);
  const [[, without, hint] = []] = check({ count: 1 });
  assert.equal(without, 'warning');
  assert.match(hint ?? '', /primary_slot_name/);
});

test('standbys that are waited for; one that is away stops capture', () => {
  const slots = [standby('s1'), standby('s2', false)];
  assert.equal(check({ slots, synchronized: 's1' })[0]?.[1], 'ok');
  const [[, status, text] = []] = check({ slots, synchronized: ' s1, "s2" ,gone' });
  assert.equal(status, 'failed');
  assert.match(text ?? '', /wait for s2, gone/);
  assert.match(text ?? '', /SET synchronized_standby_slots = 's1'; SELECT/);
  // A slot that is no failover slot waits for nobody.
  const plain = { ...SLOT, failover: false };
  const names = check({ slots, synchronized: 's1, gone' }, 170_000, plain).map(([name]) => name);
  assert.deepEqual(names, ['failover slot', 'standbys']);
});

test('before PostgreSQL 17, and a slot that was made without', () => {
  const slots = [standby('s1')];
  assert.match(check({ slots, synchronized: null }, 160_000)[0]?.[2] ?? '', /--accept-gap main/);
  const plain = { ...SLOT, failover: false };
  const [[name, status, text] = []] = check({ slots, synchronized: 's1' }, 180_000, plain);
  assert.deepEqual([name, status], ['failover slot', 'warning']);
  assert.match(text ?? '', /ALTER_REPLICATION_SLOT tidings_main \(FAILOVER true\)/);
});
