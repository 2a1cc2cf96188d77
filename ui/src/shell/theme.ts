import { createTheme } from '@mantine/core';

/** Shades are dark enough for text on white, and for white text on them (4.5 : 1, WCAG 2.2 AA). */
export const theme = createTheme({
  primaryColor: 'blue',
  primaryShade: { light: 8, dark: 8 },
  autoContrast: true,
  defaultRadius: 'sm',
  cursorType: 'pointer',
  respectReducedMotion: true,
});
