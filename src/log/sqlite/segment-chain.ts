import { isTidingsError, TidingsError } from '../../errors/tidings-error.ts';
import type { TableId } from '../log.ts';
import type { NewBlock } from './block.ts';
import type { OnCommitPoint } from './commit-points.ts';
import { withLogErrors } from './errors.ts';
import type { ViewHolder } from './log-view.ts';
import { isUnsealed, removeDatabase, syncDirectory } from './segment-files.ts';
import { type SegmentOrigin, SegmentWriter } from './segment-writer.ts';
import { stateFloor } from './stated-floor.ts';

export interface SegmentChainOptions {
  readonly directory: string;
  readonly segmentBytes: number;
  readonly holder: ViewHolder;
  readonly seedOf: (table: TableId) => number;
  readonly closeReader: (first: number) => void;
  readonly onCommitPoint: OnCommitPoint;
}

/** How long readers of an empty segment are waited for that has to be replaced; milliseconds. */
const REPLACE_PATIENCE = 1000;

/**
 * The files of a log in their order: the newest one, which is written; those before it, which are
 * sealed; and while a large transaction arrives the file behind them all that nobody sees yet.
 */
export class SegmentChain {
  readonly #options: SegmentChainOptions;
  #newest: SegmentWriter;
  /** Holds a large transaction; `first` is that transaction's. */
  #unfinished: SegmentWriter | null = null;
  #unsyncedBytes = 0;
  /** Segments that are still to be sealed; somebody may be reading them. */
  readonly #unsealed = new Map<number, SegmentWriter>();

  constructor(options: SegmentChainOptions) {
    this.#options = options;
    const { segments } = options.holder.view;
    const newest = segments.at(-1);
    if (newest === undefined) throw new Error('A log has at least one segment');
    this.#newest = this.#writerFor(newest.first);
    for (const { first, path } of segments.slice(0, -1)) {
      if (withLogErrors(path, () => isUnsealed(path))) {
        this.#unsealed.set(first, this.#writerFor(first));
      }
    }
    try {
      this.#newest.open();
    } catch (error) {
      // On a full disk the log can still be read; the first flush says what is wrong.
      if (!isTidingsError(error, 'LOG_FULL')) throw error;
    }
    this.#sealWaiting();
  }

  /** True when the large transaction that begins there is on its way to a file of its own. */
  isUnfinished(first: number): boolean {
    return this.#unfinished?.first === first;
  }

  /**
   * The segment that whole transactions go to.
   * @param open where the open transaction begins, if one is open.
   */
  target(open: number | null, origin: SegmentOrigin): SegmentWriter {
    if (this.#unfinished !== null && this.#unfinished.first !== open) return this.#unfinished;
    const due = !this.#newest.dirty && this.#newest.bytes >= this.#options.segmentBytes;
    if (due && this.#unfinished === null) this.roll(origin);
    return this.#newest;
  }

  /** Begins a new segment at `origin.first`, unless the newest one is empty. */
  roll(origin: SegmentOrigin): void {
    if (origin.first === this.#newest.first) return;
    const { onCommitPoint } = this.#options;
    this.#newest.open();
    const next = SegmentWriter.create(origin, this.#options.seedOf);
    try {
      next.commit();
      onCommitPoint('log 4: segment prepared');
      next.publish();
    } catch (error) {
      next.discard();
      throw error;
    }
    this.#replaceNewest(next);
    next.settle();
    onCommitPoint('log 5: segment published');
    this.#sealWaiting();
  }

  /**
   * Makes a segment's content durable; `adopt` then moves what readers see. Once adopted, nothing
   * that fails may take it back.
   */
  commit(segment: SegmentWriter, adopt: () => void): void {
    const { onCommitPoint } = this.#options;
    if (segment === this.#newest) {
      onCommitPoint('log 1: written');
      segment.commit();
      onCommitPoint('log 2: committed');
      adopt();
      onCommitPoint('log 3: visible');
      return;
    }
    segment.commit();
    onCommitPoint('log 10: large transaction written');
    this.#makeWay(segment.first);
    segment.publish();
    this.#unfinished = null;
    this.#replaceNewest(segment);
    adopt();
    segment.settle();
    onCommitPoint('log 5: segment published');
    this.#sealWaiting();
  }

  /** Begins the file of a large transaction; it becomes the log's newest segment when it is whole. */
  startUnfinished(origin: SegmentOrigin): void {
    this.#newest.open();
    this.#unsyncedBytes = 0;
    this.#unfinished = SegmentWriter.create(origin, this.#options.seedOf);
  }

  /** Adds to the large transaction; syncs each time so many bytes have come together. */
  appendUnfinished(blocks: readonly NewBlock[], pieceBytes: number): void {
    const unfinished = this.#unfinished;
    if (unfinished === null) throw new Error('No large transaction was begun');
    for (const { bytes } of blocks) this.#unsyncedBytes += bytes;
    withLogErrors(unfinished.partPath, () => unfinished.insertBlocks(blocks));
    if (this.#unsyncedBytes < pieceBytes) return;
    // Piece by piece: a single sync of gigabytes would stop the process for seconds.
    this.#unsyncedBytes = 0;
    unfinished.commit();
    this.#options.onCommitPoint('log 9: piece written');
  }

  /** Drops the large transaction that begins at `open`, if there is one. */
  dropUnfinished(open: number | null): void {
    if (this.#unfinished === null || this.#unfinished.first !== open) return;
    this.#discardUnfinished();
  }

  /** Takes back everything that was not committed. */
  reset(): void {
    this.#discardUnfinished();
    this.#newest.rollback();
  }

  /**
   * Removes segments that end at or before this offset, oldest first: a crash in between leaves no
   * hole.
   */
  trim(before: number): void {
    const { directory, holder, closeReader, onCommitPoint } = this.#options;
    this.#sealWaiting();
    // Stated first: what goes after that is not missing, wherever a crash interrupts it.
    const stated = this.#stateFloor(this.#floorAfter(before));
    let removed = false;
    for (;;) {
      const [oldest, next] = holder.view.segments;
      if (oldest === undefined || next === undefined || next.first > before) break;
      holder.view = { ...holder.view, segments: holder.view.segments.slice(1) };
      closeReader(oldest.first);
      withLogErrors(oldest.path, () => removeDatabase(oldest.path));
      this.#unsealed.delete(oldest.first);
      removed = true;
      onCommitPoint('log 11: segment removed');
    }
    if (removed) withLogErrors(directory, () => syncDirectory(directory));
    if (!stated) this.#stateFloor(this.#floorAfter(before));
  }

  close(): void {
    this.#discardUnfinished();
    this.#sealWaiting();
    this.#options.closeReader(this.#newest.first);
    try {
      this.#newest.close();
    } catch (error) {
      // All that was flushed is durable. On a full disk the WAL stays beside the file, which the
      // next opening finds in order.
      if (!isTidingsError(error)) throw error;
    }
  }

  #floorAfter(before: number): number {
    const { segments } = this.#options.holder.view;
    const kept = segments.findLast(({ first }) => first <= before);
    return kept?.first ?? segments[0]?.first ?? 0;
  }

  /** False on a disk that is too full even for this: then there is room once segments are removed. */
  #stateFloor(floor: number): boolean {
    try {
      stateFloor(this.#options.directory, floor);
      return true;
    } catch (error) {
      if (!isTidingsError(error, 'LOG_FULL')) throw error;
      return false;
    }
  }

  #discardUnfinished(): void {
    this.#unfinished?.discard();
    this.#unfinished = null;
  }

  #writerFor(first: number): SegmentWriter {
    return new SegmentWriter(this.#options.directory, first, this.#options.seedOf);
  }

  #replaceNewest(next: SegmentWriter): void {
    const { holder } = this.#options;
    const previous = this.#newest;
    this.#newest = next;
    if (previous.first === next.first) return;
    this.#unsealed.set(previous.first, previous);
    const segments = [...holder.view.segments, { first: next.first, path: next.path }];
    holder.view = { ...holder.view, segments };
  }

  /**
   * An empty segment has the name that the large transaction's needs. It is replaced in one step,
   * but only once no WAL lies beside it: SQLite would take that for the new file's.
   */
  #makeWay(first: number): void {
    if (this.#newest.first !== first) return;
    this.#options.closeReader(first);
    if (this.#newest.close(REPLACE_PATIENCE)) return;
    const problem = 'another process keeps the empty segment open';
    throw new TidingsError('LOG_IO', { path: this.#newest.path, problem });
  }

  /** Those that cannot be sealed now are tried again. Their records are safe meanwhile. */
  #sealWaiting(): void {
    for (const [first, segment] of this.#unsealed) {
      this.#options.closeReader(first);
      try {
        if (segment.seal(this.#options.onCommitPoint)) this.#unsealed.delete(first);
      } catch (error) {
        // A full or failing disk: what matters now is that capture goes on.
        if (!isTidingsError(error)) throw error;
      }
    }
  }
}
