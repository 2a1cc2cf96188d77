import { Anchor, Typography } from '@mantine/core';
import type { ComponentProps } from 'react';
import ReactMarkdown from 'react-markdown';
import remarkGfm from 'remark-gfm';

interface Props {
  text: string;
  /** Where a picture of this link is loaded from; none shows its description. Nothing is loaded from other servers. */
  pictureOf?: (link: string) => string | undefined;
  /** Where a relative link leads; none shows its text. */
  placeOf?: (link: string) => string | undefined;
}

/** What a browser may open in a new tab. */
const OUTSIDE = /^(https?|mailto):/i;
const PLUGINS = [remarkGfm];

/** Markdown of whoever wrote it: its HTML is left out, and links and pictures lead where the page says. */
export function Markdown({ text, pictureOf, placeOf }: Props) {
  const components = {
    a: ({ href = '', children }: ComponentProps<'a'>) => {
      if (OUTSIDE.test(href)) {
        return (
          <Anchor href={href} target="_blank" rel="noopener noreferrer" inherit>
            {children}
          </Anchor>
        );
      }
      const place = placeOf?.(href);
      return place === undefined ? (
        <>{children}</>
      ) : (
        <Anchor href={place} inherit>
          {children}
        </Anchor>
      );
    },
    img: ({ src, alt = '' }: ComponentProps<'img'>) => {
      const url = typeof src === 'string' ? pictureOf?.(src) : undefined;
      return url === undefined ? <em>{alt || 'picture'}</em> : <img src={url} alt={alt} loading="lazy" />;
    },
  };
  return (
    <Typography>
      <ReactMarkdown skipHtml remarkPlugins={PLUGINS} components={components}>
        {text}
      </ReactMarkdown>
    </Typography>
  );
}
