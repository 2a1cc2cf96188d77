/** Uploads, a few at a time, and what became of each. */

import { ApiError } from '../api/client';

/** Uploads that are under way at once; the others wait. */
const AT_ONCE = 3;
/** What the server answers where a file of that name is there already. */
const EXISTS = 412;

/** A file to be sent, and its path below the run's root. */
export interface Chosen {
  file: File;
  path: string;
}

export interface Upload extends Chosen {
  id: number;
  state: 'waiting' | 'sending' | 'done' | 'failed' | 'exists';
  /** Bytes that were sent so far. */
  sent: number;
  /** Why it failed. */
  error?: unknown;
  /** Whether a file of that name may be replaced. */
  mayReplace: boolean;
}

/** Sends one file, and tells the bytes that were sent so far. */
export type SendFile = (upload: Upload, onProgress: (bytes: number) => void, signal: AbortSignal) => Promise<void>;

/** What failed stays, to be tried again. Each change makes a new list, which those who listen ask for. */
export class UploadQueue {
  #uploads: readonly Upload[] = [];
  #lastId = 0;
  readonly #running = new Map<number, AbortController>();
  readonly #listeners = new Set<() => void>();

  constructor(
    private readonly sendFile: SendFile,
    /** Hears that nothing is under way any more. */
    private readonly onIdle: () => void,
  ) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly list = (): readonly Upload[] => this.#uploads;

  readonly add = (chosen: readonly Chosen[]): void => {
    const added = chosen.map((one): Upload => {
      this.#lastId += 1;
      return { ...one, id: this.#lastId, state: 'waiting', sent: 0, mayReplace: false };
    });
    this.#set([...this.#uploads, ...added]);
    this.#fill();
  };

  /** Sends a file again that failed, or in place of one that is there. */
  readonly again = ({ id, state, mayReplace }: Upload): void => {
    this.#change(id, { state: 'waiting', sent: 0, error: undefined, mayReplace: mayReplace || state === 'exists' });
    this.#fill();
  };

  /** Ends an upload, and forgets it. */
  readonly cancel = ({ id }: Upload): void => {
    this.#running.get(id)?.abort();
    this.#set(this.#uploads.filter((one) => one.id !== id));
  };

  /** Forgets what is done. */
  readonly clear = (): void => this.#set(this.#uploads.filter(({ state }) => state !== 'done'));

  /** Ends all that is under way, and begins nothing else. */
  readonly close = (): void => {
    this.#uploads = [];
    for (const controller of this.#running.values()) controller.abort();
  };

  #fill(): void {
    const waiting = this.#uploads.filter(({ state }) => state === 'waiting');
    for (const upload of waiting.slice(0, AT_ONCE - this.#running.size)) void this.#start(upload);
  }

  async #start(upload: Upload): Promise<void> {
    const { id, file } = upload;
    const controller = new AbortController();
    this.#running.set(id, controller);
    this.#change(id, { state: 'sending' });
    try {
      await this.sendFile(upload, (sent) => this.#change(id, { sent }), controller.signal);
      this.#change(id, { state: 'done', sent: file.size });
    } catch (error) {
      const exists = error instanceof ApiError && error.status === EXISTS;
      this.#change(id, { state: exists ? 'exists' : 'failed', error });
    }
    this.#running.delete(id);
    this.#fill();
    if (this.#running.size === 0) this.onIdle();
  }

  #change(id: number, part: Partial<Upload>): void {
    this.#set(this.#uploads.map((one) => (one.id === id ? { ...one, ...part } : one)));
  }

  #set(uploads: readonly Upload[]): void {
    this.#uploads = uploads;
    for (const listener of this.#listeners) listener();
  }
}
