/** A relation of a source, as far as somebody should know who names it. */
export interface NamedRelation {
  readonly schema: string;
  readonly name: string;
  /** Why it has no changes of its own in the log; null when it is captured. */
  readonly without:
    | null
    | 'not meant'
    | 'view'
    | 'foreign'
    | 'unlogged'
    | 'partition'
    | 'extension';
  /** Its columns, when those were asked for; else null. */
  readonly columns: readonly string[] | null;
}
