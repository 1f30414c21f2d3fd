import { CLI_ERRORS } from './catalogue/cli.ts';
import { CONFIG_ERRORS } from './catalogue/config.ts';
import { DELIVERY_ERRORS } from './catalogue/delivery.ts';
import { FILE_ERRORS } from './catalogue/file.ts';
import { LOG_ERRORS } from './catalogue/log.ts';
import { SERVER_ERRORS } from './catalogue/server.ts';
import { SOURCE_ERRORS } from './catalogue/source.ts';
import { WEBHOOK_ERRORS } from './catalogue/webhook.ts';
import { LOOKING_ERRORS } from './catalogue/looking.ts';
import { UNDO_ERRORS } from './catalogue/undo.ts';

/** Every error Tidings can report, by code. Codes are part of the public contract. */
export const CATALOGUE = {
  ...CONFIG_ERRORS,
  ...SOURCE_ERRORS,
  ...LOG_ERRORS,
  ...DELIVERY_ERRORS,
  ...WEBHOOK_ERRORS,
  ...FILE_ERRORS,
  ...SERVER_ERRORS,
  ...UNDO_ERRORS,
  ...LOOKING_ERRORS,
  ...CLI_ERRORS,
} as const;

export type ErrorCode = keyof typeof CATALOGUE;
