import { createTidings as createService, type CreateOptions } from '../app/create-tidings.ts';
import type { Tidings } from '../app/tidings.ts';
import type { Config, ConfigInput } from '../config/define-config.ts';
import { resolveConfig } from '../config/resolve-config.ts';
import { SILENT } from '../observe/logger.ts';
import { checkExposure } from '../config/http-exposure.ts';
import { Door } from './door.ts';

/**
 * Opens the data directory and puts the service and its HTTP API together; `start` sets both going.
 * Takes the directory for itself until it is disposed of.
 *
 * Without `http` in the configuration the API listens on a free port of 127.0.0.1 and takes only the
 * token that is in `control.json` of the data directory: commands on this machine find it there.
 * @throws TidingsError `CONFIG_*`, `HTTP_TOKEN_REQUIRED`, `DATA_LOCKED`, `DATA_NEWER`, `LOG_CORRUPT`,
 *   `HANDLER_*`, `FILTER_INVALID`.
 */
export async function createTidings(
  input: ConfigInput | Config,
  options: CreateOptions = {},
): Promise<Tidings> {
  const config = resolveConfig(input);
  const { dataDir, http = null } = config;
  if (http !== null) checkExposure(http);
  const logger = options.logger ?? SILENT;
  return await createService(
    config,
    options,
    (service) => new Door({ service, http, dataDir, logger }),
  );
}
