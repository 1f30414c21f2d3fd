import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  DELIVERY_INPUTS,
  DELIVERY_STATES,
  type DeliveryInput,
  type DeliveryProgress,
  nextAttempts,
  nextState,
  TRANSITIONS,
} from './delivery-state.ts';

/** The inputs that may come in a state: everything the table does not call a defect. */
function possible(progress: DeliveryProgress): DeliveryInput[] {
  return DELIVERY_INPUTS.filter((input) => TRANSITIONS[progress.state][input] !== 'defect');
}

function step(progress: DeliveryProgress, input: DeliveryInput, max: number): DeliveryProgress {
  const state = nextState(progress, input, max);
  return state === null ? progress : { state, attempts: nextAttempts(progress, input) };
}

/** A walk through the table: what came in, and where it led. */
const walks = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.array(fc.nat(), { maxLength: 80 }))
  .map(([max, choices]) => {
    let at: DeliveryProgress = { state: 'blocked', attempts: 0 };
    const steps: { from: DeliveryProgress; input: DeliveryInput; to: DeliveryProgress }[] = [];
    for (const choice of choices) {
      const inputs = possible(at);
      const input = inputs[choice % inputs.length];
      if (input === undefined) break;
      const to = step(at, input, max);
      steps.push({ from: at, input, to });
      at = to;
    }
    return { max, steps };
  });

test('the table has every state with every input', () => {
  assert.deepEqual(Object.keys(TRANSITIONS).sort(), [...DELIVERY_STATES].sort());
  for (const state of DELIVERY_STATES) {
    assert.deepEqual(Object.keys(TRANSITIONS[state]).sort(), [...DELIVERY_INPUTS].sort(), state);
  }
});

test('docs/internals/delivery.md shows the same table', () => {
  const page = new URL('../../docs/internals/delivery.md', import.meta.url);
  const text = readFileSync(page, 'utf8').split('<!-- transitions -->')[1]?.split('\n\n')[0];
  const [head = [], , ...lines] = (text ?? '')
    .trim()
    .split('\n')
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const shown = lines.map(([state = '', ...cells]) => [
    state.replaceAll('*', ''),
    Object.fromEntries(
      cells.map((cell, index) => [head[index + 1], cell === '–' ? 'defect' : cell]),
    ),
  ]);
  assert.deepEqual(Object.fromEntries(shown), TRANSITIONS);
});

test('what the table calls a defect throws, what it refuses changes nothing', () => {
  for (const state of DELIVERY_STATES) {
    for (const input of DELIVERY_INPUTS) {
      const cell = TRANSITIONS[state][input];
      const progress = { state, attempts: 1 };
      if (cell === 'defect') assert.throws(() => nextState(progress, input, 9), /cannot get/);
      else assert.equal(nextState(progress, input, 9), cell === 'refused' ? null : cell);
    }
  }
});

test('each state can be reached, and left unless it is the end', () => {
  const reached = new Set(['blocked']);
  for (const state of DELIVERY_STATES) {
    for (const input of DELIVERY_INPUTS) reached.add(TRANSITIONS[state][input]);
    const leaves = DELIVERY_INPUTS.some(
      (input) => ![state, 'defect', 'refused'].includes(TRANSITIONS[state][input]),
    );
    assert.equal(leaves, state !== 'done', state);
  }
  for (const state of DELIVERY_STATES) assert.ok(reached.has(state), state);
});

test('a delivery is done only by an ack, or because somebody discarded it', () => {
  fc.assert(
    fc.property(walks, ({ steps }) => {
      for (const { from, input, to } of steps) {
        if (to.state === 'done' && from.state !== 'done') {
          assert.ok(input === 'ack' || input === 'discard');
        }
        if (from.state === 'done') assert.equal(to.state, 'done');
      }
    }),
  );
});

test('an attempt is acknowledged only within its deadline, and only one is under way', () => {
  fc.assert(
    fc.property(walks, ({ steps }) => {
      for (const { from, input } of steps) {
        if (input === 'ack') assert.equal(from.state, 'inFlight');
        if (input === 'start') assert.equal(from.state, 'ready');
        if (from.state === 'overdue') assert.ok(!['start', 'ack', 'due'].includes(input));
      }
    }),
  );
});

test('no more attempts fail than are allowed before it is parked, whatever comes between', () => {
  fc.assert(
    fc.property(walks, ({ max, steps }) => {
      let failures = 0;
      for (const { from, input, to } of steps) {
        assert.ok(to.attempts >= 0 && to.attempts <= max);
        if (input === 'replay' && from.state === 'parked') failures = 0;
        if (input === 'retry' || input === 'return') {
          failures += 1;
          assert.equal(to.state, failures >= max ? 'parked' : 'retrying');
        }
        if (input === 'abort') assert.notEqual(to.state, 'parked', 'unless it was parked before');
        if (input === 'abort') assert.notEqual(to.state, 'inFlight');
        if (to.state === 'parked') break;
      }
    }),
  );
});

test('a shutdown leaves nothing under way and costs no attempt', () => {
  for (const state of DELIVERY_STATES) {
    const before = { state, attempts: state === 'blocked' ? 0 : 2 };
    const after = step(before, 'abort', 10);
    assert.ok(after.state !== 'inFlight' && after.state !== 'overdue');
    const underWay = state === 'inFlight' || state === 'overdue';
    assert.equal(after.attempts, underWay ? 1 : before.attempts);
  }
});
