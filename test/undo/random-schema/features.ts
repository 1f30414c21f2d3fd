/**
 * What random schemas and histories may have. Each can be switched by itself, so that what is known to
 * fail does not hide what is not. `TIDINGS_FUZZ_FEATURES` overrules it: `all`, `+name`, `-name`,
 * separated by commas.
 */
export interface Feature {
  /** The letter under which issue 8 has it; `-` for what it does not mention. */
  readonly issue: string;
  readonly on: boolean;
  readonly about: string;
}

export const FEATURES = {
  'composite-keys': { issue: '-', on: true, about: 'primary keys of two and three columns' },
  'key-types': { issue: '-', on: true, about: 'keys of text, uuid, bigint, date, numeric, enum' },
  'composite-type-keys': { issue: 'new', on: true, about: 'keys of a composite type' },
  'coarse-keys': { issue: 'C1', on: true, about: 'nondeterministic collations, numeric scales' },
  keyless: { issue: 'C2', on: true, about: 'tables without a key' },
  unique: { issue: '-', on: true, about: 'unique columns, deferrable or not' },
  'odd-indexes': {
    issue: 'C3',
    on: true,
    about: 'expression, partial and collated unique indexes',
  },
  'foreign-keys': { issue: '-', on: true, about: 'to primary keys, NO ACTION and RESTRICT' },
  'foreign-key-actions': { issue: 'C1', on: true, about: 'CASCADE, SET NULL, SET DEFAULT' },
  'foreign-keys-on-unique': { issue: 'C1', on: true, about: 'to unique columns that are no key' },
  'self-references': { issue: '-', on: true, about: 'foreign keys of a table to itself' },
  'leaf-foreign-keys': { issue: 'C3', on: true, about: 'foreign keys of a single partition' },
  'not-enforced': { issue: 'C3', on: true, about: 'NOT ENFORCED foreign keys and checks' },
  generated: { issue: '-', on: true, about: 'generated columns' },
  checks: { issue: '-', on: true, about: 'check constraints' },
  types: { issue: '-', on: true, about: 'enums, domains, composites, arrays, ranges, json' },
  partitions: {
    issue: '-',
    on: true,
    about: 'list, range and hash partitions, other column orders',
  },
  subpartitions: { issue: '-', on: true, about: 'partitions of partitions' },
  'leaf-identity': { issue: 'A6', on: false, about: 'partitions without REPLICA IDENTITY FULL' },
  'key-identity': { issue: 'A6', on: false, about: 'tables without REPLICA IDENTITY FULL' },
  triggers: { issue: 'C1', on: true, about: 'triggers that change the row that is written' },
  'trigger-effects': { issue: 'C2', on: true, about: 'triggers that write elsewhere' },
  rules: { issue: 'C3', on: true, about: 'rewrite rules' },
  savepoints: { issue: '-', on: true, about: 'statements that are rolled back' },
  truncate: { issue: '-', on: true, about: 'TRUNCATE of a table' },
  'truncate-partition': { issue: 'B', on: true, about: 'TRUNCATE of a partition' },
  'attach-detach': { issue: 'B', on: true, about: 'ATTACH, DETACH and DROP of partitions' },
  'new-partition': { issue: '-', on: true, about: 'CREATE TABLE … PARTITION OF' },
  'rename-table': { issue: 'A5', on: true, about: 'ALTER TABLE … RENAME TO' },
  'swap-tables': { issue: 'A5', on: true, about: 'two tables exchange names' },
  'rename-schema': { issue: 'A5', on: true, about: 'ALTER SCHEMA … RENAME TO' },
  'rename-column': { issue: 'A6', on: false, about: 'ALTER TABLE … RENAME COLUMN' },
  'drop-column': {
    issue: 'A4',
    on: false,
    about: 'columns dropped, added, dropped and added again',
  },
  'retype-column': { issue: 'A4', on: false, about: 'ALTER COLUMN … TYPE' },
  'alter-enum': { issue: 'A4', on: false, about: 'enum labels added, renamed, added again' },
  'alter-composite': { issue: 'A4', on: false, about: 'attributes dropped, added, renamed' },
  'alter-identity': { issue: 'A1', on: true, about: 'ALTER TABLE … REPLICA IDENTITY' },
  'move-key': { issue: 'A2', on: true, about: 'the primary key moves to other columns' },
  'drop-table': { issue: 'A3', on: true, about: 'tables dropped, and made anew' },
  'new-table': { issue: 'A2', on: true, about: 'tables made with their rows in one transaction' },
  waiting: { issue: 'A3', on: true, about: 'changes that wait in the slot' },
  'late-standby': {
    issue: 'A2',
    on: true,
    about: 'transactions in the WAL before they are visible',
  },
  'undo-while-late': { issue: 'new', on: true, about: 'undo/late-standby.pg.test.ts' },
  script: { issue: 'new', on: true, about: 'undo by the script' },
  'script-twice': { issue: 'C2', on: true, about: 'a script run twice does nothing more' },
  skip: { issue: '-', on: true, about: '--on-conflict skip' },
  force: { issue: '-', on: true, about: '--on-conflict force' },
  'no-raw-errors': { issue: 'C3', on: true, about: 'UNDO_REFUSED is a failure of the test' },
  'without-triggers': { issue: 'C1', on: true, about: '--without-triggers' },
} as const satisfies Record<string, Feature>;

export type FeatureName = keyof typeof FEATURES;

const NAMES = Object.keys(FEATURES) as readonly FeatureName[];

/** The features that are on, after what the environment says. */
export function chosenFeatures(text: string | undefined): ReadonlySet<FeatureName> {
  const chosen = new Set(NAMES.filter((name) => FEATURES[name].on));
  for (const part of (text ?? '').split(',').filter((part) => part !== '')) {
    if (part === 'all') for (const name of NAMES) chosen.add(name);
    else if (part === 'none') chosen.clear();
    else {
      const name = NAMES.find((name) => name === part.replace(/^[+-]/, ''));
      if (name === undefined) throw new Error(`There is no feature ${part}`);
      if (part.startsWith('-')) chosen.delete(name);
      else chosen.add(name);
    }
  }
  return chosen;
}
