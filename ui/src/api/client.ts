/** Calls of the server's API: one function each for reading and writing, with errors that a person can read. */

/** Where the API is. Relative, so that it is found below any `--static-prefix`. */
const API = 'ajax-api';
/** Where mlferry's own answers are. */
export const OWN = `${API}/3.0/mlferry`;

/** The API's version: traces live in the later one. */
export type Version = '2.0' | '3.0';

/** Status of an answer that never came. */
const UNREACHABLE = 0;

/** A value in a query string; an array repeats the key. */
export type QueryValue = string | number | boolean | readonly string[] | undefined;

/** What the server refused, or that it could not be asked. */
export class ApiError extends Error {
  override name = 'ApiError';

  constructor(
    /** The HTTP status, or 0 where there was no answer. */
    readonly status: number,
    /** MLflow's name of the error, such as `RESOURCE_DOES_NOT_EXIST`. */
    readonly code: string,
    message: string,
  ) {
    super(message);
  }

  /** Whether the same call may succeed later. */
  get isTemporary(): boolean {
    return this.status === UNREACHABLE || this.status === 429 || this.status >= 500;
  }
}

/** Reads from the API, by a path such as `runs/get`. */
export async function get<T>(
  path: string,
  query: Record<string, QueryValue>,
  signal?: AbortSignal,
  version?: Version,
): Promise<T> {
  const text = queryString(query);
  return answer<T>(urlOf(text ? `${path}?${text}` : path, version), { signal });
}

/** Reads what mlferry tells beyond MLflow's API. */
export async function getOwn<T>(path: string, query: Record<string, QueryValue>, signal?: AbortSignal): Promise<T> {
  return answer<T>(`${OWN}/${path}?${queryString(query)}`, { signal });
}

/** Sends to the API, by a path such as `runs/search`. */
export async function post<T>(path: string, body: object, signal?: AbortSignal, version?: Version): Promise<T> {
  return answer<T>(urlOf(path, version), { ...sent('POST', body), signal });
}

/** Changes what mlferry has beyond MLflow's API. */
export async function changeOwn<T>(method: 'POST' | 'DELETE', path: string, body: object): Promise<T> {
  return answer<T>(`${OWN}/${path}`, sent(method, body));
}

/** Ends the session of somebody who signed on with an identity provider; where to go then, to sign out of that, too. */
export async function signOut(): Promise<string | undefined> {
  return (await answer<{ location?: string }>('oidc/logout', sent('POST', {}))).location;
}

/** What a request is that sends JSON. */
function sent(method: 'POST' | 'DELETE', body: object): RequestInit {
  return { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}

function urlOf(path: string, version: Version = '2.0'): string {
  return `${API}/${version}/mlflow/${path}`;
}

/** The text behind the question mark; what is undefined is left out. */
export function queryString(query: Record<string, QueryValue>): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(key, String(one));
  }
  return search.toString();
}

/** The answer of any path of the server, or an `ApiError`. */
export async function fetched(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(UNREACHABLE, 'UNREACHABLE', 'The server does not answer. Is it running, and is the network up?');
  }
  if (!response.ok) throw refusal(response.status, response.statusText, await response.text());
  return response;
}

async function answer<T>(url: string, init: RequestInit): Promise<T> {
  const response = await fetched(url, init);
  return (await response.json()) as T;
}

/** The error in an answer's body; a proxy in between may answer with something else than JSON. */
export function refusal(status: number, statusText: string, body: string): ApiError {
  const told = parsed(body);
  const code = typeof told.error_code === 'string' ? told.error_code : `HTTP_${status}`;
  const otherwise = `The server answered ${status} ${statusText}`.trimEnd() + '.';
  return new ApiError(status, code, typeof told.message === 'string' && told.message ? told.message : otherwise);
}

function parsed(body: string): { error_code?: unknown; message?: unknown } {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** What to show of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
