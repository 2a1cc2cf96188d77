import { ApiError } from '../api/client';

/** What the server said of a filter, if that is why there is no answer: it belongs to the filter's field. */
export function refusalOf(filter: string | undefined, error: unknown): ApiError | undefined {
  return filter && error instanceof ApiError && error.status === 400 ? error : undefined;
}
