import type { DeclareCommand } from './command.ts';
import { declareChange } from './subscriptions/change.ts';
import { declareCreate } from './subscriptions/create.ts';
import { declareDelete } from './subscriptions/delete.ts';
import { declareList } from './subscriptions/list.ts';
import { declarePause, declareResume, declareRewind } from './subscriptions/move.ts';
import { declareReplay } from './subscriptions/replay.ts';
import { declareShow } from './subscriptions/show.ts';

const COMMANDS: readonly DeclareCommand[] = [
  declareList,
  declareShow,
  declareCreate,
  declareChange,
  declarePause,
  declareResume,
  declareRewind,
  declareReplay,
  declareDelete,
];

export const declareSubscriptions: DeclareCommand = (program, runtime) => {
  const subscriptions = program
    .command('subscriptions')
    .summary('Show, make and move subscriptions')
    .description(
      'Shows the subscriptions of the running service, and makes, changes, pauses, moves and deletes them. Without a command it lists them.',
    );
  for (const declare of COMMANDS) declare(subscriptions, runtime);
};
