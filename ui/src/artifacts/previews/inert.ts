/** Takes out of HTML what would reach somebody as soon as it is shown. */

/** What is there to run something, to show another page, or to fetch beside what is seen. */
const ACTIVE = 'script, iframe, frame, object, embed, link, base, meta';
/** Attributes that name what is loaded, or where a link leads. */
const NAMING = ['src', 'srcset', 'href', 'xlink:href', 'data', 'poster', 'background', 'action', 'formaction', 'ping'];

/**
 * The same page without anything of that. The frame's policy refuses each of these requests as well, but a browser may
 * have opened a connection by then.
 */
export function inert(html: string): string {
  const page = new DOMParser().parseFromString(html, 'text/html');
  for (const element of page.querySelectorAll(ACTIVE)) element.remove();
  for (const element of page.querySelectorAll('*')) {
    for (const name of NAMING) {
      const value = element.getAttribute(name)?.trim();
      if (value && !value.startsWith('#') && !value.startsWith('data:')) element.removeAttribute(name);
    }
  }
  return page.documentElement.outerHTML;
}
