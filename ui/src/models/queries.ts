/** Questions about registered models and their versions. */

import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { get } from '../api/client';
import type { ModelVersion, RegisteredModel } from '../api/types';
import { asFilter } from '../filter/asFilter';
import type { ModelsSearch } from './search';

/** Models or versions in one answer. */
const PAGE = 100;

interface RegisteredModels {
  registered_models?: RegisteredModel[];
  next_page_token?: string;
}

interface ModelVersions {
  model_versions?: ModelVersion[];
  next_page_token?: string;
}

/** All models that the address asks for, page by page. The server leaves prompts out. */
export function registeredModelsQuery({ filter = '', sort, ascending }: ModelsSearch) {
  const order_by = [`${sort ?? 'last_updated_timestamp'} ${ascending ? 'ASC' : 'DESC'}`];
  const query = { filter: asFilter(filter, 'name'), order_by, max_results: PAGE };
  return infiniteQueryOptions({
    queryKey: ['registered-models', query],
    queryFn: ({ pageParam, signal }) =>
      get<RegisteredModels>('registered-models/search', { ...query, page_token: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_page_token ?? null,
    placeholderData: keepPreviousData,
  });
}

export function registeredModelQuery(name: string) {
  return queryOptions({
    queryKey: ['registered-model', name],
    queryFn: async ({ signal }) =>
      (await get<{ registered_model: RegisteredModel }>('registered-models/get', { name }, signal)).registered_model,
  });
}

/** The versions of a model, the newest first. */
export function modelVersionsQuery(name: string) {
  const quote = name.includes("'") ? '"' : "'";
  const query = { filter: `name = ${quote}${name}${quote}`, order_by: ['version_number DESC'], max_results: PAGE };
  return infiniteQueryOptions({
    queryKey: ['model-versions', query],
    queryFn: ({ pageParam, signal }) =>
      get<ModelVersions>('model-versions/search', { ...query, page_token: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_page_token ?? null,
  });
}
