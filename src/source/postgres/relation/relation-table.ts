import type { ChangeReceiver } from '../../source.ts';
import { type Bytes, MalformedData } from '../wire/decode-bytes.ts';
import { readRelation, readType, type RelationMessage } from './decode-relation.ts';
import { type DefinedRelation, isBefore, type RelationUse } from './define-relation.ts';

/** Tells what a Relation message means; see `RelationCatalog`. */
export interface RelationDescriber {
  describe(use: RelationUse, signal: AbortSignal): Promise<DefinedRelation>;
}

/** A relation whose changes can be handed over. */
export interface KnownRelation {
  /** The receiver's number for its table version. */
  readonly table: number;
  /** How many columns its rows have. */
  readonly columns: number;
  readonly key: readonly number[];
  /** See `DefinedRelation`. */
  readonly wholeOldRows: boolean;
}

interface Announced {
  readonly message: RelationMessage;
  known: KnownRelation | null;
  /** See `DefinedRelation`. */
  again: number | null;
}

/** The transaction whose changes come. */
export interface StreamedTransaction {
  readonly id: number;
  /** Of its commit. */
  readonly position: string;
}

/** The relations that one connection has announced, by oid; each announcement replaces the last. */
export class RelationTable {
  readonly #receiver: ChangeReceiver;
  readonly #catalog: RelationDescriber;
  readonly #announced = new Map<number, Announced>();
  readonly #typeNames = new Map<number, string>();
  /** Where the open transaction itself changed relations; by oid. */
  readonly #changed = new Map<number, string>();
  #transaction: StreamedTransaction = { id: 0, position: '' };
  /** The first transaction for which relations may have to be described again; null for none. */
  #again: number | null = null;
  #last: Announced | null = null;
  #wanted: Announced | null = null;
  /** Announced by the last message of all; null once a change came after it. */
  #newest: Announced | null = null;

  constructor(receiver: ChangeReceiver, catalog: RelationDescriber) {
    this.#receiver = receiver;
    this.#catalog = catalog;
  }

  /** A transaction begins; what could not be told of a relation is asked for again where it helps. */
  begin(transaction: StreamedTransaction): void {
    this.#transaction = transaction;
    this.#changed.clear();
    if (this.#again === null || isBefore(transaction.id, this.#again)) return;
    this.#again = null;
    for (const announced of this.#announced.values()) {
      if (announced.again === null) continue;
      if (isBefore(transaction.id, announced.again)) this.#askAgain(announced.again);
      else announced.known = null;
    }
  }

  #askAgain(from: number): void {
    if (this.#again === null || isBefore(from, this.#again)) this.#again = from;
  }

  /** Takes a Relation message. The catalogue is asked only when a change needs the relation. */
  announce(bytes: Bytes, start: number, end: number): void {
    const message = readRelation(bytes, start, end);
    this.#newest = { message, known: null, again: null };
    this.#announced.set(message.oid, this.#newest);
    this.#last = null;
  }

  /** The relation of the last change; null before the first, and behind an announcement. */
  get last(): { readonly schema: string; readonly name: string } | null {
    return this.#last?.message ?? null;
  }

  /**
   * Of which relations the change can be that would come next: the one just announced, because the
   * server announces a relation right before its first change, or else any that it has announced.
   */
  get expected(): readonly { readonly schema: string; readonly name: string }[] {
    const newest = this.#newest;
    return (newest === null ? [...this.#announced.values()] : [newest]).map(
      ({ message }) => message,
    );
  }

  /** The open transaction changes relations at this position; what comes next of them is described anew. */
  change(oids: readonly number[], position: string): void {
    for (const oid of oids) {
      this.#changed.set(oid, position);
      const announced = this.#announced.get(oid);
      if (announced !== undefined) announced.known = null;
    }
  }

  /** Takes a Type message: the name in case the type is dropped before the catalogue is asked. */
  nameType(bytes: Bytes, start: number, end: number): void {
    const { oid, schema, name } = readType(bytes, start, end);
    this.#typeNames.set(oid, `${schema}.${name}`);
  }

  /**
   * @param at where the oid was read, for the error.
   * @returns null when {@link lookUp} has to run first.
   * @throws MalformedData when the relation was not announced.
   */
  find(oid: number, at: number): KnownRelation | null {
    this.#newest = null;
    let announced = this.#last;
    // Changes mostly come in runs of one table.
    if (announced === null || announced.message.oid !== oid) {
      announced = this.#announced.get(oid) ?? null;
      if (announced === null) throw new MalformedData(`relation ${oid} was not announced`, at);
      this.#last = announced;
    }
    if (announced.known === null) this.#wanted = announced;
    return announced.known;
  }

  /**
   * Completes the relation that `find` did not know, and announces its table to the receiver. Does
   * neither when the signal aborts on the way.
   */
  async lookUp(signal: AbortSignal): Promise<void> {
    const wanted = this.#wanted;
    if (wanted === null) throw new Error('There is no relation to look up');
    const { message } = wanted;
    const { definition, wholeOldRows, again } = await this.#catalog.describe(
      {
        message,
        transaction: this.#transaction.id,
        position: this.#transaction.position,
        announced: this.#changed.get(message.oid) ?? null,
        typeNames: this.#typeNames,
      },
      signal,
    );
    if (signal.aborted) return;
    this.#wanted = null;
    wanted.again = again;
    if (again !== null) this.#askAgain(again);
    wanted.known = {
      table: this.#receiver.table(definition),
      columns: message.columns.length,
      key: definition.key,
      wholeOldRows,
    };
  }
}
