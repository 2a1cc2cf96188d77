/** The places of the page. They stand behind `#`, since the server knows no other path than the page's own. */

import {
  createHashHistory,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from '@tanstack/react-router';
import { experimentsSearch } from './experiments/search';
import { modelsSearch } from './models/search';
import { runSearch } from './run/search';
import { compareSearch } from './runs/compare/search';
import { runsSearch } from './runs/search';
import { FailedPlace, UnknownPlace } from './shell/Failure';
import { Shell } from './shell/Shell';
import { traceSearch, tracesSearch } from './traces/search';

const root = createRootRoute({ component: Shell, notFoundComponent: UnknownPlace, errorComponent: FailedPlace });

const home = createRoute({
  getParentRoute: () => root,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/experiments', replace: true });
  },
});

const experiments = createRoute({
  getParentRoute: () => root,
  path: '/experiments',
  validateSearch: experimentsSearch,
  component: lazyRouteComponent(() => import('./experiments/ExperimentsPage'), 'ExperimentsPage'),
});

/** Where addresses of the stock page lead, too. */
const experiment = createRoute({
  getParentRoute: () => root,
  path: '/experiments/$experimentId',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/experiments/$experimentId/runs', params, replace: true });
  },
});

const runs = createRoute({
  getParentRoute: () => root,
  path: '/experiments/$experimentId/runs',
  validateSearch: runsSearch,
  component: lazyRouteComponent(() => import('./runs/RunsPage'), 'RunsPage'),
});

const compare = createRoute({
  getParentRoute: () => root,
  path: '/experiments/$experimentId/compare',
  validateSearch: compareSearch,
  component: lazyRouteComponent(() => import('./runs/compare/ComparePage'), 'ComparePage'),
});

/** Where addresses of the stock page lead, too. */
const runOfExperiment = createRoute({
  getParentRoute: () => root,
  path: '/experiments/$experimentId/runs/$runId',
  beforeLoad: ({ params }) => {
    throw redirect({ to: '/runs/$runId', params: { runId: params.runId }, replace: true });
  },
});

const run = createRoute({
  getParentRoute: () => root,
  path: '/runs/$runId',
  validateSearch: runSearch,
  component: lazyRouteComponent(() => import('./run/RunPage'), 'RunPage'),
});

const models = createRoute({
  getParentRoute: () => root,
  path: '/models',
  validateSearch: modelsSearch,
  component: lazyRouteComponent(() => import('./models/ModelsPage'), 'ModelsPage'),
});

const model = createRoute({
  getParentRoute: () => root,
  path: '/models/$name',
  component: lazyRouteComponent(() => import('./models/ModelPage'), 'ModelPage'),
});

const traces = createRoute({
  getParentRoute: () => root,
  path: '/experiments/$experimentId/traces',
  validateSearch: tracesSearch,
  component: lazyRouteComponent(() => import('./traces/TracesPage'), 'TracesPage'),
});

const trace = createRoute({
  getParentRoute: () => root,
  path: '/traces/$traceId',
  validateSearch: traceSearch,
  component: lazyRouteComponent(() => import('./traces/TracePage'), 'TracePage'),
});

const tokens = createRoute({
  getParentRoute: () => root,
  path: '/tokens',
  component: lazyRouteComponent(() => import('./tokens/TokensPage'), 'TokensPage'),
});

const tree = root.addChildren([
  home,
  experiments,
  experiment,
  runs,
  compare,
  runOfExperiment,
  run,
  models,
  model,
  traces,
  trace,
  tokens,
]);

export function createPageRouter() {
  return createRouter({ routeTree: tree, history: createHashHistory(), defaultPreload: 'intent' });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createPageRouter>;
  }
}
