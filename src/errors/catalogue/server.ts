import type { ErrorEntry } from '../entry.ts';

export const SERVER_ERRORS = {
  HTTP_TOKEN_REQUIRED: {
    message:
      'The HTTP API is to listen on {host}, which other machines reach, and no token is configured.',
    hint: "Set `http.token` or `http.tokens`, for instance by TIDINGS_HTTP_TOKEN, or listen on this machine alone: `http.host: '127.0.0.1'`.",
    retryable: false,
    exit: 64,
  },
  HTTP_LISTEN_FAILED: {
    message: 'The HTTP API cannot listen on {address}: {reason}.',
    hint: '{advice}',
    retryable: true,
    exit: 1,
  },
  CONTROL_FILE_FAILED: {
    message: 'The file {path}, by which commands find this service, cannot be written: {reason}.',
    hint: 'Free some space, or give the right to write the file; then start the service again.',
    retryable: true,
    exit: 1,
  },
  TOKEN_MISSING: {
    message: 'This request needs a token.',
    hint: 'Send it as `Authorization: Bearer TOKEN`; tokens are configured under `http`.',
    retryable: false,
    exit: 2,
  },
  TOKEN_UNKNOWN: {
    message: 'The token of this request is none of those that are configured.',
    hint: 'Compare it with `http.token` and `http.tokens` of the running service.',
    retryable: false,
    exit: 2,
  },
  RIGHT_MISSING: {
    message: 'The token of this request has no right to {right}.',
    hint: "Use another token, or add the right: `http.tokens.NAME.rights: ['{right}']`.",
    retryable: false,
    exit: 2,
  },
  HOST_REFUSED: {
    message: 'Without a token, only requests to a name of this machine are answered.',
    hint: 'Call it as http://127.0.0.1 or http://localhost, or configure `http.token`.',
    retryable: false,
    exit: 2,
  },
  ORIGIN_REFUSED: {
    message: 'A web page of another origin may not use this API.',
    hint: 'Add its origin to `http.cors` if it is yours.',
    retryable: false,
    exit: 2,
  },
  REQUEST_INVALID: {
    message: 'The request is not valid: {problems}.',
    hint: 'GET /openapi.json describes every request.',
    retryable: false,
    exit: 64,
  },
  BODY_TOO_LARGE: {
    message: 'The body of the request is larger than {limit} bytes.',
    hint: 'Send less at once.',
    retryable: false,
    exit: 64,
  },
  MEDIA_TYPE_UNSUPPORTED: {
    message: 'The body of the request is not declared as JSON.',
    hint: 'Send `Content-Type: application/json`.',
    retryable: false,
    exit: 64,
  },
  ROUTE_UNKNOWN: {
    message: 'There is nothing at this address.',
    hint: 'GET /openapi.json lists what there is.',
    retryable: false,
    exit: 64,
  },
  METHOD_NOT_ALLOWED: {
    message: 'This address does not take {method}.',
    hint: 'It takes: {allowed}.',
    retryable: false,
    exit: 64,
  },
  SERVICE_DRAINING: {
    message: 'Tidings is stopping.',
    hint: 'Ask again when it has started anew.',
    retryable: true,
    exit: 1,
  },
  API_DEFECT: {
    message: 'The request failed because of a defect in Tidings.',
    hint: 'The log of the service says more under this request id: {request}. Please report it.',
    retryable: false,
    exit: 1,
  },
} as const satisfies Record<string, ErrorEntry>;
