import type { ErrorCode } from '../errors/catalogue.ts';
import type { TidingsError } from '../errors/tidings-error.ts';

/** The HTTP status of each error that the API is expected to meet. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  REQUEST_INVALID: 400,
  TOKEN_MISSING: 401,
  TOKEN_UNKNOWN: 401,
  RIGHT_MISSING: 403,
  HOST_REFUSED: 403,
  ORIGIN_REFUSED: 403,
  ROUTE_UNKNOWN: 404,
  SUBSCRIPTION_UNKNOWN: 404,
  EXCEPTION_UNKNOWN: 404,
  SOURCE_UNKNOWN: 404,
  UNDO_PLAN_UNKNOWN: 404,
  UNDO_TRANSACTION_UNKNOWN: 404,
  METHOD_NOT_ALLOWED: 405,
  SUBSCRIPTION_EXISTS: 409,
  SUBSCRIPTION_STOPPED: 409,
  SUBSCRIPTION_MOVED: 409,
  DELIVERY_IN_FLIGHT: 409,
  DELIVERY_BLOCKED: 409,
  DELIVERY_NOT_YET: 409,
  CHANGE_NOT_WANTED: 409,
  SUBSCRIPTION_PROTECTED: 409,
  TEST_UNSUPPORTED: 409,
  LOG_PRUNED: 410,
  BODY_TOO_LARGE: 413,
  MEDIA_TYPE_UNSUPPORTED: 415,
  // 416 is about byte ranges (RFC 9110, 15.5.17); an offset beyond the head is a wrong parameter.
  OFFSET_UNKNOWN: 400,
  PAGE_UNKNOWN: 400,
  SOURCE_AMBIGUOUS: 400,
  FILTER_INVALID: 422,
  TABLE_PATTERN_INVALID: 422,
  HANDLER_INVALID: 422,
  ENDPOINT_NOT_ALLOWED: 422,
  API_DEFECT: 500,
  SERVICE_DRAINING: 503,
  STATE_FAILED: 503,
};

/**
 * The HTTP status of an error. What is not in the table: a definition that is wrong is 422, what may
 * pass is 503, what is refused 409; the rest is the service's own trouble.
 */
export function httpStatus({ code, retryable, exit }: TidingsError): number {
  const known = STATUS[code];
  if (known !== undefined) return known;
  if (exit === 64) return 422;
  if (exit === 2) return 409;
  return retryable ? 503 : 500;
}
