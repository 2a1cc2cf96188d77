/** How answers of the server are kept, and when it is asked again. */

import { QueryClient } from '@tanstack/react-query';
import { ApiError } from './client';

/** For so long, in milliseconds, an answer is shown again without a new question. */
const FRESH_MS = 10_000;
/** So often a question is repeated that may be answered later. */
const REPEATS = 2;

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: FRESH_MS,
        // A long table is many questions.
        refetchOnWindowFocus: false,
        retry: (failures, error) => failures < REPEATS && (!(error instanceof ApiError) || error.isTemporary),
      },
    },
  });
}
