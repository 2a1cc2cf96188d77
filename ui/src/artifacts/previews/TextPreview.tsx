import { languageOf } from '../kinds';
import { nameOf } from '../paths';
import { indented } from '../reading';
import { Code } from './Code';
import { OfText, type PreviewProps } from './shared';

/** Bytes of a text that are shown at most. */
const MOST_BYTES = 512 * 1024;

/** A text, or the beginning of a long one. */
export default function TextPreview(file: PreviewProps) {
  return (
    <OfText {...file} most={MOST_BYTES}>
      {(text) => <Code text={text} language={languageOf(file.path)} label={nameOf(file.path)} />}
    </OfText>
  );
}

/** JSON: indented, if it is on one line. */
export function JsonPreview(file: PreviewProps) {
  return (
    <OfText {...file} most={MOST_BYTES}>
      {(text, isWhole) => <Code text={isWhole ? indented(text) : text} language="json" label={nameOf(file.path)} />}
    </OfText>
  );
}
