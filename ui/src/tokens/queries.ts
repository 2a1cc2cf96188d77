/** Questions and changes of the tokens by which programs sign in. */

import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query';
import { changeOwn, getOwn } from '../api/client';

export const SCOPES = ['READ', 'WRITE', 'ARTIFACTS'] as const;
export type Scope = (typeof SCOPES)[number];

export interface Token {
  id: string;
  name: string;
  username: string;
  scope: Scope;
  /** Absent if it is good for all. */
  experiment_ids?: string[];
  creation_time: number;
  /** Absent if it does not end. */
  expiration_time?: number;
}

/** What a new token is to be. */
export interface TokenTerms {
  name: string;
  scope: Scope;
  experiment_ids?: string[] | undefined;
  lifetime_seconds?: number | undefined;
}

const KEY = ['tokens'];

export const tokensQuery = queryOptions({
  queryKey: KEY,
  queryFn: async ({ signal }) => (await getOwn<{ tokens: Token[] }>('tokens/list', {}, signal)).tokens,
});

export interface Caller {
  /** Absent in a server without users. */
  username?: string;
  is_admin: boolean;
  /** Whether it signed on with an identity provider, and can sign out. */
  has_session: boolean;
}

/** Whom the page is shown to: nobody in a server without users. */
export const callerQuery = queryOptions({
  queryKey: ['caller'],
  queryFn: ({ signal }) => getOwn<Caller>('caller', {}, signal),
  staleTime: Number.POSITIVE_INFINITY,
});

/** Makes a token; its secret is in the answer, and nowhere else. */
export function useNewToken() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (terms: TokenTerms) => changeOwn<{ token: Token; secret: string }>('POST', 'tokens/create', terms),
    onSuccess: () => client.invalidateQueries({ queryKey: KEY }),
  });
}

export function useRevocation() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => changeOwn('DELETE', 'tokens/revoke', { token_id: id }),
    onSuccess: () => client.invalidateQueries({ queryKey: KEY }),
  });
}
