/** The service as a process of its own, to be killed: its configuration comes as JSON. */
import { createTidings } from '../../src/server/create-tidings.ts';
import { endWithParent } from './end-with-parent.ts';

endWithParent();

const tidings = await createTidings(JSON.parse(process.argv[2] ?? '{}'));
await tidings.start();
process.stdout.write('started\n');
process.once('SIGTERM', () => void tidings.drain());
await tidings.finished;
