import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveConfig } from '../../config/resolve-config.ts';
import { segmentName } from '../../log/sqlite/format.ts';
import { checkUnconfigured, unconfiguredSources } from './unconfigured-sources.ts';

test('only folders with a segment are sources, and their names are words of a shell', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidings-unconfigured-'));
  try {
    const config = resolveConfig({ dataDir, sources: { main: { url: 'postgresql://h/d' } } });
    assert.deepEqual(await unconfiguredSources(config), [], 'no log yet');
    const folders: Readonly<Record<string, string | null>> = {
      main: segmentName(0),
      old: segmentName(0),
      'an older one': segmentName(7),
      'lost+found': null,
      '.snapshot': 'hourly.sqlite',
      begun: `${segmentName(0)}.part`,
    };
    for (const [name, file] of Object.entries(folders)) {
      mkdirSync(join(dataDir, 'log', name), { recursive: true });
      if (file !== null) writeFileSync(join(dataDir, 'log', name, file), '');
    }
    writeFileSync(join(dataDir, 'log', 'notes.txt'), '');
    assert.deepEqual(await unconfiguredSources(config), ['an older one', 'old']);
    const [first] = await checkUnconfigured(config);
    assert.match(first?.fix ?? '', /^tidings uninstall --source 'an older one' --url URL /);
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});
