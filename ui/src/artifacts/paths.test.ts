import { expect, test } from 'vitest';
import { archiveUrl, fileUrl, foldersTo, linked, proxyUrl, pythonOf, uriOf } from './paths';

test('names of any kind become parts of URLs', () => {
  const name = 'a b/ü#?&%2e.txt';
  expect(new URLSearchParams(fileUrl('1', name).split('?')[1]).get('path')).toBe(name);
  expect(new URLSearchParams(archiveUrl('1', '').split('?')[1]).get('path')).toBe('');
  expect(proxyUrl('mlflow-artifacts:/0/r/artifacts', name)).toBe(
    'ajax-api/2.0/mlflow-artifacts/artifacts/0/r/artifacts/a%20b/%C3%BC%23%3F%26%252e.txt',
  );
});

test('only what goes through this server has a URL of the proxy', () => {
  expect(proxyUrl('mlflow-artifacts:/0/r', 'a')).toBeDefined();
  for (const root of ['s3://bucket/0/r', 'mlflow-artifacts://other:5000/0/r', '/srv/mlruns', '']) {
    expect(proxyUrl(root, 'a'), root).toBeUndefined();
  }
});

test('links of a file lead to files of its run, and never out of it', () => {
  expect(linked('docs/a.md', 'b.png')).toBe('docs/b.png');
  expect(linked('docs/a.md', '../b%20c.png?x#y')).toBe('b c.png');
  expect(linked('a.md', './b/./c')).toBe('b/c');
  for (const link of ['../../b', '/b', '//host/b', '#part', 'javascript:alert(1)', 'https://host/b', '\\b', '?a', '']) {
    expect(linked('docs/a.md', link), link).toBeUndefined();
  }
});

test('a path is told by its folders, its URI, and its line of Python', () => {
  expect(foldersTo('a/b/c.txt')).toEqual(['a', 'a/b']);
  expect(foldersTo('c.txt')).toEqual([]);
  expect(uriOf('mlflow-artifacts:/0/r/', 'a/b')).toBe('mlflow-artifacts:/0/r/a/b');
  expect(uriOf('s3://b/r', '')).toBe('s3://b/r');
  expect(pythonOf('r', 'a"\\b')).toBe(
    String.raw`mlflow.artifacts.download_artifacts(run_id="r", artifact_path="a\"\\b")`,
  );
});
