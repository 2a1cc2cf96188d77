import { Anchor, Button, type AnchorProps, type ButtonProps } from '@mantine/core';
import { createLink } from '@tanstack/react-router';
import type { ReactNode, Ref } from 'react';

interface Common {
  ref?: Ref<HTMLAnchorElement>;
  children?: ReactNode;
  title?: string;
}

/** A link to a place of this page. */
export const PageLink = createLink(({ ref, ...props }: Omit<AnchorProps, 'href'> & Common) => (
  <Anchor ref={ref} {...props} />
));

/** A link that looks like a button, for what one does rather than reads. */
export const ButtonLink = createLink(({ ref, ...props }: Omit<ButtonProps, 'href'> & Common) => (
  <Button component="a" ref={ref} {...props} />
));
