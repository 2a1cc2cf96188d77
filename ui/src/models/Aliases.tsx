import { Badge, Group } from '@mantine/core';

/** Names that point to versions of a model. */
export function Aliases({ names = [] }: { names: string[] | undefined }) {
  return (
    <Group gap={4} wrap="nowrap">
      {names.map((name) => (
        <Badge key={name} size="sm" variant="default" tt="none">
          {name}
        </Badge>
      ))}
    </Group>
  );
}
