import { useMemo } from 'react';
import { inert } from './inert';
import classes from './previews.module.css';

/** What a page may do that anybody wrote: show what it holds itself. It reaches no server, this one included. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; media-src data:";

/**
 * HTML of whoever wrote it, in a frame without scripts, forms, and an origin. The frame's own rules, those above, and
 * those of this page each forbid scripts by themselves.
 */
export function Sandbox({ html, title, className = '' }: { html: string; title: string; className?: string }) {
  const shown = useMemo(() => inert(html), [html]);
  return (
    <iframe
      sandbox=""
      title={title}
      referrerPolicy="no-referrer"
      className={`${classes.frame ?? ''} ${className}`}
      srcDoc={`<!doctype html><meta http-equiv="Content-Security-Policy" content="${POLICY}">${shown}`}
    />
  );
}
