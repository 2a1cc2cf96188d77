import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { messageOf, signOut } from '../api/client';

/** Signs out whoever signed on with an identity provider. */
export function SignOut({ name }: { name: string | undefined }) {
  const { mutate, isPending, error } = useMutation({
    mutationFn: signOut,
    // The page of one who is not signed on leads to the provider.
    onSuccess: (location) => window.location.assign(location ?? window.location.pathname),
  });
  return (
    <Button
      size="compact-sm"
      variant="subtle"
      loading={isPending}
      title={error ? messageOf(error) : `Signed on as ${name}`}
      color={error ? 'red' : undefined}
      onClick={() => mutate()}
    >
      Sign out
    </Button>
  );
}
