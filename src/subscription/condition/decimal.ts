/** Where a value stands when it is no finite number; PostgreSQL sorts NaN above everything. */
type Rank = -1 | 0 | 1 | 2;

const SPECIAL: ReadonlyMap<string, Rank> = new Map([
  ['-infinity', -1],
  ['-inf', -1],
  ['infinity', 1],
  ['+infinity', 1],
  ['inf', 1],
  ['nan', 2],
]);
const SPECIAL_TEXT: Readonly<Record<string, string>> = {
  '-1': '-Infinity',
  1: 'Infinity',
  2: 'NaN',
};

const FORM = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

const POWERS: bigint[] = [1n];

/** 10 ** exponent; kept for the exponents that columns usually have. */
function power(exponent: number): bigint {
  if (exponent >= 64) return 10n ** BigInt(exponent);
  for (let next = POWERS.length; next <= exponent; next++) POWERS[next] = 10n ** BigInt(next);
  return POWERS[exponent] ?? 1n;
}

/**
 * An exact decimal number: `digits / 10 ** scale`. For conditions on decimal columns, where a double
 * would make 0.1 + 0.2 differ from 0.3 and take two large amounts for equal.
 */
export class Decimal {
  readonly #digits: bigint;
  readonly #scale: number;
  readonly #rank: Rank;

  private constructor(digits: bigint, scale: number, rank: Rank = 0) {
    this.#digits = digits;
    this.#scale = scale;
    this.#rank = rank;
  }

  /** Reads what databases print (`-12.50`, `NaN`, `Infinity`) and an exponent of three digits. */
  static parse(text: string): Decimal | null {
    const match = FORM.exec(text);
    if (match === null) {
      const rank = SPECIAL.get(text.toLowerCase());
      return rank === undefined ? null : new Decimal(0n, 0, rank);
    }
    const [, sign = '', whole = '', fraction = '', exponent = '0'] = match;
    if (whole === '' && fraction === '') return null;
    const digits = BigInt(whole + fraction);
    const scale = fraction.length - Number(exponent);
    const signed = sign === '-' ? -digits : digits;
    return scale < 0 ? new Decimal(signed * power(-scale), 0) : new Decimal(signed, scale);
  }

  /**
   * A number's decimal form. A double stands for its shortest decimal form, so that a condition's
   * `0.1` is 0.1 and not 0.1000000000000000055.
   */
  static from(value: Decimal | bigint | number): Decimal {
    if (value instanceof Decimal) return value;
    if (typeof value === 'bigint') return new Decimal(value, 0);
    const decimal = Decimal.parse(String(value));
    if (decimal === null) throw new RangeError(`${value} has no decimal form`);
    return decimal;
  }

  /** Negative, zero or positive. NaN equals NaN and is above all else, as PostgreSQL sorts. */
  compare(other: Decimal): number {
    if (!this.#finite(other)) return this.#rank - other.#rank;
    const scale = Math.max(this.#scale, other.#scale);
    const left = this.#digits * power(scale - this.#scale);
    const right = other.#digits * power(scale - other.#scale);
    if (left === right) return 0;
    return left < right ? -1 : 1;
  }

  add(other: Decimal): Decimal {
    if (!this.#finite(other)) return Decimal.from(this.toNumber() + other.toNumber());
    const scale = Math.max(this.#scale, other.#scale);
    const left = this.#digits * power(scale - this.#scale);
    return new Decimal(left + other.#digits * power(scale - other.#scale), scale);
  }

  subtract(other: Decimal): Decimal {
    return this.add(other.negate());
  }

  multiply(other: Decimal): Decimal {
    if (!this.#finite(other)) return Decimal.from(this.toNumber() * other.toNumber());
    return new Decimal(this.#digits * other.#digits, this.#scale + other.#scale);
  }

  negate(): Decimal {
    if (this.#rank === 0) return new Decimal(-this.#digits, this.#scale);
    return this.#rank === 2 ? this : new Decimal(0n, 0, this.#rank === 1 ? -1 : 1);
  }

  /** The nearest double. */
  toNumber(): number {
    return Number(this.toString());
  }

  toString(): string {
    if (this.#rank !== 0) return SPECIAL_TEXT[this.#rank] ?? 'NaN';
    const negative = this.#digits < 0n;
    const digits = String(negative ? -this.#digits : this.#digits).padStart(this.#scale + 1, '0');
    const whole = digits.slice(0, digits.length - this.#scale);
    const fraction = digits.slice(digits.length - this.#scale);
    return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
  }

  /** True when both are finite; otherwise arithmetic follows the rules of doubles. */
  #finite(other: Decimal): boolean {
    return this.#rank === 0 && other.#rank === 0;
  }
}
