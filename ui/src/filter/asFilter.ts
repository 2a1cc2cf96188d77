/** What tells a filter from plain words: a comparison, or an entity's name in front. */
const COMPARISON = /[=<>]|\bin\s*\(|\bi?like\s*['"]|\bis\s+(?:not\s+)?null\b/i;
const ENTITY = /^(?:metrics?|params?|parameters?|tags?|attributes?|attr|run|datasets?)\./;

/** The filter that was typed, or for plain words one that finds them in a name, however they are written. */
export function asFilter(typed: string, name: string): string {
  const words = typed.trim();
  if (words === '' || COMPARISON.test(words) || ENTITY.test(words)) return words;
  const quote = words.includes("'") ? '"' : "'";
  return `${name} ILIKE ${quote}%${words}%${quote}`;
}
