/**
 * What random schemas and histories may have. Each can be switched by itself, so that what is known to
 * fail does not hide what is not. `TIDINGS_FUZZ_FEATURES` overrules it: `all`, `+name`, `-name`,
 * separated by commas.
 */
export interface Feature {
  readonly on: boolean;
  readonly about: string;
}

export const FEATURES = {
  'composite-keys': { on: true, about: 'primary keys of two and three columns' },
  'key-types': { on: true, about: 'keys of text, uuid, bigint, date, numeric, enum' },
  'composite-type-keys': { on: true, about: 'keys of a composite type' },
  'coarse-keys': { on: true, about: 'nondeterministic collations, numeric scales' },
  keyless: { on: true, about: 'tables without a key' },
  unique: { on: true, about: 'unique columns, deferrable or not' },
  'odd-indexes': {
    on: true,
    about: 'expression, partial and collated unique indexes',
  },
  'foreign-keys': { on: true, about: 'to primary keys, NO ACTION and RESTRICT' },
  'foreign-key-actions': { on: true, about: 'CASCADE, SET NULL, SET DEFAULT' },
  'foreign-key-kinds': { on: true, about: 'MATCH FULL, SET NULL and SET DEFAULT of some columns' },
  'foreign-keys-on-unique': { on: true, about: 'to unique columns that are no key' },
  'self-references': { on: true, about: 'foreign keys of a table to itself' },
  'leaf-foreign-keys': { on: true, about: 'foreign keys of a single partition' },
  'not-enforced': { on: true, about: 'NOT ENFORCED foreign keys and checks' },
  generated: { on: true, about: 'generated columns' },
  checks: { on: true, about: 'check constraints' },
  types: { on: true, about: 'enums, domains, composites, arrays, ranges, json' },
  partitions: {
    on: true,
    about: 'list, range and hash partitions, other column orders',
  },
  subpartitions: { on: true, about: 'partitions of partitions' },
  'leaf-identity': { on: true, about: 'partitions without REPLICA IDENTITY FULL' },
  'key-identity': { on: true, about: 'tables without REPLICA IDENTITY FULL' },
  triggers: { on: true, about: 'triggers that change the row that is written' },
  'trigger-effects': { on: true, about: 'triggers that write elsewhere' },
  'trigger-kinds': {
    on: true,
    about: 'constraint triggers, before statements, of columns, with conditions, always',
  },
  rules: { on: true, about: 'rewrite rules' },
  savepoints: { on: true, about: 'statements that are rolled back' },
  truncate: { on: true, about: 'TRUNCATE of a table' },
  'truncate-partition': { on: true, about: 'TRUNCATE of a partition' },
  'attach-detach': { on: true, about: 'ATTACH, DETACH and DROP of partitions' },
  'new-partition': { on: true, about: 'CREATE TABLE … PARTITION OF' },
  'rename-table': { on: true, about: 'ALTER TABLE … RENAME TO' },
  'swap-tables': { on: true, about: 'two tables exchange names' },
  'rename-schema': { on: true, about: 'ALTER SCHEMA … RENAME TO' },
  'rename-column': { on: true, about: 'ALTER TABLE … RENAME COLUMN' },
  'drop-column': {
    on: true,
    about: 'columns dropped, added, dropped and added again',
  },
  'retype-column': { on: true, about: 'ALTER COLUMN … TYPE' },
  'alter-enum': { on: true, about: 'enum labels added, renamed, added again' },
  'alter-composite': { on: true, about: 'attributes dropped, added, renamed' },
  'alter-identity': { on: true, about: 'ALTER TABLE … REPLICA IDENTITY' },
  'move-key': { on: true, about: 'the primary key moves to other columns' },
  'drop-table': { on: true, about: 'tables dropped, and made anew' },
  'new-table': { on: true, about: 'tables made with their rows in one transaction' },
  waiting: { on: true, about: 'changes that wait in the slot' },
  'late-standby': {
    on: true,
    about: 'transactions in the WAL before they are visible',
  },
  'undo-while-late': { on: true, about: 'undo/late-standby.pg.test.ts' },
  script: { on: true, about: 'undo by the script' },
  'script-twice': { on: true, about: 'a script run twice does nothing more' },
  skip: { on: true, about: '--on-conflict skip' },
  force: { on: true, about: '--on-conflict force' },
  'no-raw-errors': { on: true, about: 'UNDO_REFUSED is a failure of the test' },
  'without-triggers': { on: true, about: '--without-triggers' },
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
