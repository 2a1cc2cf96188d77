/** Sends a file, and tells how far it is: `fetch` can't. */

import { ApiError, refusal } from '../api/client';

/** One file on its way. */
export interface Sending {
  method: 'PUT' | 'POST';
  url: string;
  headers: Record<string, string>;
  body: Blob;
  /** Hears of the bytes that were sent so far. */
  onProgress: (bytes: number) => void;
  signal: AbortSignal;
}

export function send({ method, url, headers, body, onProgress, signal }: Sending): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener('progress', (event) => onProgress(event.loaded));
    request.addEventListener('load', () => {
      if (request.status < 300) resolve();
      else reject(refusal(request.status, request.statusText, request.responseText));
    });
    const broken = () => reject(new ApiError(0, 'UNREACHABLE', 'The connection broke before all was sent.'));
    request.addEventListener('error', broken);
    request.addEventListener('abort', () => reject(new ApiError(0, 'CANCELLED', 'The upload was cancelled.')));
    signal.addEventListener('abort', () => request.abort());
    request.send(body);
  });
}
