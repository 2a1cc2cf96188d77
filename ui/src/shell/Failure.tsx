import { Alert, Button, Group, Stack, Text, Title } from '@mantine/core';
import type { ErrorComponentProps } from '@tanstack/react-router';
import { ApiError, messageOf } from '../api/client';
import { PageLink } from './PageLink';

/** What went wrong, in the server's words, at the place where its answer would stand. */
export function Failure({ title, error, onRepeat }: { title: string; error: unknown; onRepeat?: () => void }) {
  return (
    <Alert color="red" variant="outline" title={title} role="alert">
      <Text size="sm">{messageOf(error)}</Text>
      {error instanceof ApiError && (
        <Text size="xs" c="dimmed">
          {error.code}
        </Text>
      )}
      {onRepeat && (
        <Group mt="xs">
          <Button size="xs" variant="default" onClick={onRepeat}>
            Try again
          </Button>
        </Group>
      )}
    </Alert>
  );
}

/** For what the code of a place throws, such as a part of the page that is gone after an upgrade of the server. */
export function FailedPlace({ error }: ErrorComponentProps) {
  return <Failure title="This place can't be shown" error={error} onRepeat={() => window.location.reload()} />;
}

/** For an address that leads nowhere. */
export function UnknownPlace() {
  return (
    <Stack gap="xs">
      <Title order={1} size="h3">
        There is nothing here
      </Title>
      <Text>
        No place of this page has this address. <PageLink to="/experiments">To the experiments</PageLink>
      </Text>
    </Stack>
  );
}
