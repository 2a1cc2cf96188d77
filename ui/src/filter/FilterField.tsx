import { CloseButton, Combobox, Kbd, TextInput, useCombobox } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { MagnifyingGlassIcon } from '@radix-ui/react-icons';
import { useRef, useState, type KeyboardEvent } from 'react';
import { messageOf } from '../api/client';
import { completed, completionsAt, type Vocabulary } from './completions';

interface Props {
  label: string;
  placeholder: string;
  /** The filter that is in force. */
  value: string;
  onApply: (filter: string) => void;
  vocabulary: Vocabulary;
  /** What the server said of the filter that is in force. */
  error?: unknown;
}

/** A field for a filter or for words of a name. Enter applies it, `/` leads to it. */
export function FilterField({ label, placeholder, value, onApply, vocabulary, error }: Props) {
  const [text, setText] = useState(value);
  const [cursor, setCursor] = useState(value.length);
  const [applied, setApplied] = useState(value);
  const input = useRef<HTMLInputElement>(null);
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() });
  // A filter that comes with the address replaces what was being typed.
  if (applied !== value) {
    setApplied(value);
    setText(value);
    setCursor(value.length);
  }
  useHotkeys([['/', () => input.current?.focus()]]);
  const { from, choices } = completionsAt(text, cursor, vocabulary);

  const choose = (choice: string) => {
    combobox.resetSelectedOption();
    const next = completed(text, cursor, from, choice);
    setText(next.text);
    setCursor(next.cursor);
    requestAnimationFrame(() => input.current?.setSelectionRange(next.cursor, next.cursor));
  };
  const apply = (filter: string) => {
    combobox.closeDropdown();
    onApply(filter.trim());
  };
  const clear = () => {
    setText('');
    apply('');
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    const isChoosing = combobox.dropdownOpened && combobox.getSelectedOptionIndex() !== -1;
    if (event.key === 'Enter' && !isChoosing) apply(text);
  };

  return (
    <Combobox store={combobox} onOptionSubmit={choose} shadow="md">
      <Combobox.Target withExpandedAttribute>
        <TextInput
          ref={input}
          aria-label={label}
          placeholder={placeholder}
          value={text}
          spellCheck={false}
          autoComplete="off"
          leftSection={<MagnifyingGlassIcon />}
          rightSection={text ? <Clear onClear={clear} /> : <Kbd size="xs">/</Kbd>}
          error={error ? messageOf(error) : undefined}
          onKeyDown={onKeyDown}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setCursor(event.currentTarget.selectionStart ?? event.currentTarget.value.length);
            combobox.resetSelectedOption();
            combobox.openDropdown();
          }}
          onSelect={(event) => setCursor(event.currentTarget.selectionStart ?? 0)}
          onClick={() => combobox.openDropdown()}
          onBlur={() => combobox.closeDropdown()}
        />
      </Combobox.Target>
      <Combobox.Dropdown hidden={choices.length === 0}>
        <Combobox.Options mah={280} style={{ overflowY: 'auto' }} aria-label="Completions">
          {choices.map((choice) => (
            <Combobox.Option value={choice} key={choice}>
              {choice}
            </Combobox.Option>
          ))}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  );
}

function Clear({ onClear }: { onClear: () => void }) {
  return <CloseButton size="sm" aria-label="Clear the filter" onClick={onClear} />;
}
