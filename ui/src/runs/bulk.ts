/** The same call for many runs. */

import { messageOf } from '../api/client';

/** Calls that are under way at once: browsers open six connections to a server. */
const AT_ONCE = 6;

/** How it went: the ids for which it failed, and why the first of them did. */
export interface Outcome {
  failed: string[];
  reason?: string;
}

/** Calls `act` with each id. One failure does not keep the others from being tried. */
export async function forAll(ids: readonly string[], act: (id: string) => Promise<unknown>): Promise<Outcome> {
  const outcome: Outcome = { failed: [] };
  const waiting = ids.values();
  const work = async () => {
    for (const id of waiting) {
      try {
        await act(id);
      } catch (error) {
        outcome.failed.push(id);
        outcome.reason ??= messageOf(error);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return outcome;
}

/** An error that tells how many of all failed; none, where none did. */
export function failureOf(outcome: Outcome | undefined, count: number): Error | undefined {
  if (!outcome || outcome.failed.length === 0) return undefined;
  return new Error(`It failed for ${outcome.failed.length} of ${count}: ${outcome.reason ?? 'no reason was given'}`);
}
