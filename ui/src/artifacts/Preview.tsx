import { Loader } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { kindOf } from './kinds';
import type { PreviewProps } from './previews/shared';

// Each with the library that it needs, which is loaded with the first file of its kind.
const PREVIEWS = {
  text: lazy(() => import('./previews/TextPreview')),
  json: lazy(async () => ({ default: (await import('./previews/TextPreview')).JsonPreview })),
  markdown: lazy(() => import('./previews/MarkdownPreview')),
  image: lazy(() => import('./previews/ImagePreview')),
  audio: lazy(() => import('./previews/MediaPreview')),
  video: lazy(async () => ({ default: (await import('./previews/MediaPreview')).VideoPreview })),
  pdf: lazy(() => import('./previews/PdfPreview')),
  table: lazy(() => import('./previews/TablePreview')),
  parquet: lazy(() => import('./previews/ParquetPreview')),
  notebook: lazy(() => import('./previews/NotebookPreview')),
  mlmodel: lazy(() => import('./previews/MlmodelPreview')),
  page: lazy(() => import('./previews/PagePreview')),
};

/** A file, as far as a browser can show it. */
export function Preview(file: PreviewProps) {
  const Shown = PREVIEWS[kindOf(file.path)];
  return (
    <Suspense fallback={<Loader aria-label="Loading the preview" />}>
      <Shown key={file.path} {...file} />
    </Suspense>
  );
}
