import type { ErrorEntry } from '../entry.ts';

export const DELIVERY_ERRORS = {
  SUBSCRIPTION_EXISTS: {
    message: 'A subscription named {name} is already there.',
    hint: 'Choose another name, or change the one that is there in the configuration.',
    retryable: false,
    exit: 2,
  },
  SUBSCRIPTION_UNKNOWN: {
    message: 'There is no subscription named {name}.',
    hint: '`tidings subscriptions` lists them.',
    retryable: false,
    exit: 2,
  },
  SUBSCRIPTION_STOPPED: {
    message: 'Subscription {name} is not running.',
    hint: 'Run `tidings start`; in a program, call `start` first.',
    retryable: true,
    exit: 2,
  },
  SUBSCRIPTION_MOVED: {
    message: 'Subscription {name} was made for source {expected}; now it names {found}.',
    hint: 'A cursor is a place in one log. Give the subscription of the other source a new name.',
    retryable: false,
    exit: 2,
  },
  OFFSET_UNKNOWN: {
    message: 'Offset {offset} is not in the log of source {source}: it ends at {head}.',
    hint: 'Name an offset up to the head, or `head`, `floor` or a time. `tidings status` shows both ends.',
    retryable: false,
    exit: 2,
  },
  EXCEPTION_UNKNOWN: {
    message: 'Subscription {name} has no delivery at offset {offset} that waits or is parked.',
    hint: '`tidings deliveries {name}` lists them; `tidings deliveries replay {name} {offset}` delivers again what is done.',
    retryable: false,
    exit: 2,
  },
  DELIVERY_IN_FLIGHT: {
    message: 'The delivery of offset {offset} to {name} is being attempted just now.',
    hint: 'Wait for the attempt to end and try again.',
    retryable: true,
    exit: 2,
  },
  DELIVERY_BLOCKED: {
    message: 'The delivery of offset {offset} to {name} waits for an earlier change of its row.',
    hint: 'Replay or discard the earlier one: `tidings deliveries {name}` lists them.',
    retryable: true,
    exit: 2,
  },
  DELIVERY_NOT_YET: {
    message: 'Offset {offset} has not been delivered to {name} yet.',
    hint: 'It is still to come; `tidings subscriptions show {name}` says how far it is.',
    retryable: true,
    exit: 2,
  },
  CHANGE_NOT_WANTED: {
    message: 'Subscription {name} does not ask for the change at offset {offset}.',
    hint: '`tidings subscriptions show {name}` shows its filter.',
    retryable: false,
    exit: 2,
  },
  SUBSCRIPTION_PROTECTED: {
    message: 'Subscription {name} comes from {origin}, and can be changed or deleted only there.',
    hint: 'Change it there and start the service again. Pausing, resuming and replaying work here too.',
    retryable: false,
    exit: 2,
  },
  ENDPOINT_NOT_ALLOWED: {
    message: 'A subscription that is made while the service runs cannot have {problem}.',
    hint: 'Put it into the configuration: who may call the API need not own this machine.',
    retryable: false,
    exit: 2,
  },
  TEST_UNSUPPORTED: {
    message: 'The endpoint of subscription {name} could not tell a test from a real change.',
    hint: 'Only webhooks can be tested so. Change a row to see what another endpoint gets.',
    retryable: false,
    exit: 2,
  },
  PAGE_UNKNOWN: {
    message: 'No page ends at {after}.',
    hint: 'Hand in what the page before gave as `next`.',
    retryable: false,
    exit: 64,
  },
  RECORDS_LOST: {
    message:
      'Subscription {name} missed the records {from} to {last}: retention removed them before it had read them.',
    hint: 'Nothing brings them back. Read the tables anew where that matters, and set `log.retention` longer, or without `hard`.',
    retryable: false,
    exit: 1,
  },
  STATE_FAILED: {
    message: 'The state file {path} cannot be used: {reason}.',
    hint: 'Free some space, or give the right to read and write the file. Delivery waits meanwhile and goes on by itself.',
    retryable: true,
    exit: 1,
  },
  HANDLER_INVALID: {
    message: 'The handler of subscription {name} {problem}.',
    hint: 'Give it at least one of the methods insert, update, delete and truncate, and columns, if any, as a list of names: docs/guide/handlers.md.',
    retryable: false,
    exit: 64,
  },
  HANDLER_FAILED: {
    message: 'The handler failed: {reason}.',
    hint: 'It is tried again with growing pauses. When it is parked: mend the handler, then replay the delivery.',
    retryable: true,
    exit: 1,
  },
  DELIVERY_TIMEOUT: {
    message: 'The attempt did not end within its deadline of {seconds} s.',
    hint: 'Pass the signal on to what the handler calls, or set `timeout` higher. It is tried again.',
    retryable: true,
    exit: 1,
  },
  HANDLER_MISSING: {
    message: 'There is no handler module {path}.',
    hint: 'Write it, or change `to.handler` of the subscription.',
    retryable: false,
    exit: 64,
  },
  HANDLER_NOT_LOADED: {
    message: 'The handler module {path} does not load: {reason}',
    hint: 'Mend the module. Its default export (module.exports in CommonJS) has insert, update, delete or truncate.',
    retryable: false,
    exit: 64,
  },
} as const satisfies Record<string, ErrorEntry>;
