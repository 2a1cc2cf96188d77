import { expect, test } from 'vitest';
import { ApiError } from '../api/client';
import { UploadQueue, type Upload } from './uploadQueue';

/** A queue whose uploads end when the test says so. */
function controlled() {
  const ends = new Map<string, (error?: Error) => void>();
  const idle: number[] = [];
  const queue = new UploadQueue(
    (upload, _, signal) =>
      new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('cancelled')));
        ends.set(upload.path, (error) => (error ? reject(error) : resolve()));
      }),
    () => idle.push(1),
  );
  const end = async (path: string, error?: Error) => {
    ends.get(path)?.(error);
    await new Promise((resolve) => setTimeout(resolve));
  };
  const states = () => queue.list().map(({ path, state }) => `${path} ${state}`);
  return { queue, end, states, idle };
}

const chosen = (...paths: string[]) => paths.map((path) => ({ path, file: new File(['x'], path) }));
function upload(queue: UploadQueue, path: string): Upload {
  const found = queue.list().find((one) => one.path === path);
  if (!found) throw new Error(`No upload of ${path}.`);
  return found;
}

test('three files are sent at once, and the others afterwards', async () => {
  const { queue, end, states, idle } = controlled();
  queue.add(chosen('a', 'b', 'c', 'd'));
  expect(states()).toEqual(['a sending', 'b sending', 'c sending', 'd waiting']);
  await end('b');
  expect(states()).toEqual(['a sending', 'b done', 'c sending', 'd sending']);
  for (const path of ['a', 'c', 'd']) await end(path);
  expect(idle).toEqual([1]);
  queue.clear();
  expect(states()).toEqual([]);
});

test('what failed is sent again, and what is there is replaced only when asked to', async () => {
  const { queue, end, states } = controlled();
  queue.add(chosen('a', 'b'));
  await end('a', new ApiError(0, 'UNREACHABLE', 'broke'));
  await end('b', new ApiError(412, 'RESOURCE_CONFLICT', 'there'));
  expect(states()).toEqual(['a failed', 'b exists']);
  queue.again(upload(queue, 'a'));
  queue.again(upload(queue, 'b'));
  expect([upload(queue, 'a').mayReplace, upload(queue, 'b').mayReplace]).toEqual([false, true]);
  await end('a');
  await end('b');
  expect(states()).toEqual(['a done', 'b done']);
});

test('what is cancelled makes room', async () => {
  const { queue, end, states } = controlled();
  queue.add(chosen('a', 'b', 'c', 'd'));
  queue.cancel(upload(queue, 'a'));
  await end('nothing');
  expect(states()).toEqual(['b sending', 'c sending', 'd sending']);
});
