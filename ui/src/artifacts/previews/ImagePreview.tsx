import { Button, Group, SegmentedControl, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { fileUrl, nameOf } from '../paths';
import classes from './previews.module.css';
import type { PreviewProps } from './shared';

const ZOOMS = ['Fit', '50%', '100%', '200%', '400%'] as const;
type Zoom = (typeof ZOOMS)[number];

/** A picture, as large as there is room or in parts of its own size. */
export default function ImagePreview({ runId, path, size }: PreviewProps) {
  const [zoom, setZoom] = useState<Zoom>('Fit');
  const [natural, setNatural] = useState<{ width: number; height: number }>();
  const [isBroken, setIsBroken] = useState(false);
  const factor = zoom === 'Fit' ? undefined : Number.parseInt(zoom, 10) / 100;
  if (isBroken) {
    return (
      <Stack gap="xs" align="flex-start">
        <Text size="sm">
          The browser can't show this picture. It may be broken, or of another kind than its name says.
        </Text>
        <Button size="xs" variant="default" onClick={() => setIsBroken(false)}>
          Try again
        </Button>
      </Stack>
    );
  }
  return (
    <Stack gap="xs">
      <Group gap="sm">
        <SegmentedControl
          aria-label="Zoom"
          size="xs"
          data={[...ZOOMS]}
          value={zoom}
          onChange={(chosen) => setZoom(ZOOMS.find((one) => one === chosen) ?? 'Fit')}
        />
        {natural && (
          <Text size="xs" c="dimmed">
            {natural.width} × {natural.height} pixels
          </Text>
        )}
      </Group>
      <div className={classes.picture}>
        <img
          // A file that was replaced has the same URL.
          key={size}
          src={fileUrl(runId, path)}
          alt={nameOf(path)}
          style={factor && natural ? { width: natural.width * factor, maxWidth: 'none' } : undefined}
          onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) => setNatural({ width, height })}
          onError={() => setIsBroken(true)}
        />
      </div>
    </Stack>
  );
}
