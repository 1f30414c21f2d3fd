import { defineConfig } from 'tidings';

/** The address comes from DATABASE_URL_FILE, and everything under `http` from variables, too. */
export default defineConfig({
  sources: { main: { tables: ['public.*'] } },
  subscriptions: {},
  log: { retention: { maxAge: '30d', maxBytes: '10GB' } },
});
