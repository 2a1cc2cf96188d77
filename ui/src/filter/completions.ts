/** What may be typed next in a filter. */

/** What a filter can name: `metrics.loss`, `start_time`; already quoted where that is needed. */
export type Vocabulary = readonly string[];

/** The piece of a text that a choice replaces, up to the cursor, and the choices. */
export interface Completions {
  from: number;
  choices: string[];
}

/** More choices than these are no help. */
const MOST_CHOICES = 20;
const COMPARATORS = ['=', '!=', '<', '<=', '>', '>=', 'LIKE', 'ILIKE', 'IN', 'IS NULL', 'IS NOT NULL'];
const NUMERIC = ['<', '<=', '>', '>=', '=', '!='];
const OF_TEXTS = ['=', '!=', 'LIKE', 'ILIKE', 'IS NULL', 'IS NOT NULL'];

/** One word, operator, or quoted piece; a quote that is not closed reaches to the end. */
const PIECE = /(?:[\w.]*(?:`[^`]*(?:`|$)|"[^"]*(?:"|$)|'[^']*(?:'|$)))|[<>=!]+|[^\s<>=!]+/g;
const IS_COMPARATOR = /^(?:[<>=!]+|i?like|in|is|null|not)$/i;

/** The choices for the place of the cursor. */
export function completionsAt(text: string, cursor: number, vocabulary: Vocabulary): Completions {
  const before = text.slice(0, cursor);
  const pieces = [...before.matchAll(PIECE)];
  const last = pieces.at(-1);
  const isInPiece = last !== undefined && last.index + last[0].length === before.length;
  const typed = isInPiece ? last[0] : '';
  const from = before.length - typed.length;
  const done = (isInPiece ? pieces.slice(0, -1) : pieces).map((piece) => piece[0]);
  return { from, choices: matching(expected(done, vocabulary), typed) };
}

/** The text and the cursor after a choice was made. */
export function completed(
  text: string,
  cursor: number,
  from: number,
  choice: string,
): { text: string; cursor: number } {
  const rest = text.slice(cursor);
  const space = rest.startsWith(' ') ? '' : ' ';
  return { text: text.slice(0, from) + choice + space + rest, cursor: from + choice.length + 1 };
}

function expected(done: readonly string[], vocabulary: Vocabulary): readonly string[] {
  const clause = done.slice(done.findLastIndex((piece) => /^and$/i.test(piece)) + 1);
  const [identifier, ...rest] = clause;
  if (identifier === undefined) return vocabulary;
  if (rest.length === 0) return comparators(identifier);
  const isClosed = /^null$/i.test(rest.at(-1) ?? '') || !IS_COMPARATOR.test(rest.at(-1) ?? '');
  return isClosed ? ['AND'] : [];
}

function comparators(identifier: string): readonly string[] {
  if (identifier.startsWith('metrics.') || identifier.endsWith('_time')) return NUMERIC;
  return /^(?:params|tags)\./.test(identifier) ? OF_TEXTS : COMPARATORS;
}

/** Those that begin with what was typed come before those that hold it somewhere. */
function matching(choices: readonly string[], typed: string): string[] {
  const wanted = typed.toLowerCase();
  const plain = (choice: string) => choice.toLowerCase().replaceAll('`', '');
  const holds = choices.filter((choice) => choice !== typed && plain(choice).includes(wanted.replaceAll('`', '')));
  const begins = (choice: string) => plain(choice).startsWith(wanted.replaceAll('`', ''));
  return [...holds.filter(begins), ...holds.filter((choice) => !begins(choice))].slice(0, MOST_CHOICES);
}
