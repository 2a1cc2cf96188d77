/** Reads single values out of an address, which anyone may have written. What is no such value is as if it was not there. */

export type Search = Record<string, unknown>;

/** A text that is not empty. */
export function text(search: Search, key: string): string | undefined {
  const value = search[key];
  // The router reads what looks like a number or a boolean as one.
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Texts, each once; an empty list is none. */
export function texts(search: Search, key: string): string[] | undefined {
  const value = search[key];
  if (!Array.isArray(value)) return undefined;
  const found = value.filter((one): one is string => typeof one === 'string' && one !== '');
  return found.length > 0 ? [...new Set(found)] : undefined;
}

/** `true`, or nothing. */
export function flag(search: Search, key: string): true | undefined {
  return search[key] === true ? true : undefined;
}

/** One of the words that are allowed. */
export function choice<T extends string>(search: Search, key: string, allowed: readonly T[]): T | undefined {
  return allowed.find((one) => one === search[key]);
}

/** A number between two others, themselves included. */
export function number(search: Search, key: string, least: number, most: number): number | undefined {
  const value = search[key];
  return typeof value === 'number' && value >= least && value <= most ? value : undefined;
}
