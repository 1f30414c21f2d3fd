import { Duration } from '@marcbachmann/cel-js/evaluator';
import { formatTime, splitTime } from '../../change/time.ts';

const MICROS_PER_SECOND = 1_000_000n;
const NANOS_PER_MICRO = 1000;

/** Beyond every date that a database can hold. */
const INFINITE = 1n << 80n;

/**
 * A point in time with the microseconds that databases keep. The expression library has JavaScript
 * dates, which would round to milliseconds without a word (invariant 10).
 */
export class Instant {
  readonly micros: bigint;

  constructor(micros: bigint) {
    this.micros = micros;
  }

  /** Reads ISO 8601 with a zone and at most six fraction digits, and `infinity` with either sign. */
  static parse(text: string): Instant | null {
    if (text === 'infinity') return new Instant(INFINITE);
    if (text === '-infinity') return new Instant(-INFINITE);
    const match = ISO.exec(text);
    if (match === null) return null;
    const [, local = '', zone = 'Z', hours, minutes] = match;
    const seconds = zone === 'Z' ? 0 : (Number(hours) * 60 + Number(minutes)) * 60;
    const split = splitTime(`${local}Z`);
    if (split === null) return null;
    const utcSeconds = split.seconds - (zone.startsWith('-') ? -seconds : seconds);
    return new Instant(BigInt(utcSeconds) * MICROS_PER_SECOND + BigInt(split.micros));
  }

  add(duration: Duration): Instant {
    return new Instant(this.micros + microsOf(duration));
  }

  subtract(duration: Duration): Instant {
    return new Instant(this.micros - microsOf(duration));
  }

  since(other: Instant): Duration {
    const micros = this.micros - other.micros;
    const seconds = floorDivide(micros, MICROS_PER_SECOND);
    return new Duration(seconds, Number(micros - seconds * MICROS_PER_SECOND) * NANOS_PER_MICRO);
  }

  /** ISO 8601 in UTC with six fraction digits. */
  toString(): string {
    if (this.micros === INFINITE) return 'infinity';
    if (this.micros === -INFINITE) return '-infinity';
    const seconds = floorDivide(this.micros, MICROS_PER_SECOND);
    const micros = Number(this.micros - seconds * MICROS_PER_SECOND);
    return formatTime({ seconds: Number(seconds), micros });
  }

  /** The millisecond that it lies in, for reading fields of the calendar. */
  toDate(): Date {
    return new Date(Number(floorDivide(this.micros, 1000n)));
  }
}

const ISO = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)(Z|[+-](\d\d):(\d\d))$/;

/** @throws RangeError when the duration has a part below a microsecond, which no column can have. */
function microsOf(duration: Duration): bigint {
  if (duration.nanos % NANOS_PER_MICRO !== 0) {
    throw new RangeError('durations are exact to the microsecond here');
  }
  return duration.seconds * MICROS_PER_SECOND + BigInt(duration.nanos / NANOS_PER_MICRO);
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}
