import { Alert, Code, Group, Loader, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { Assessment, TraceInfo } from '../api/types';
import { EmptyState } from '../shell/EmptyState';
import { Failure } from '../shell/Failure';
import { PageLink } from '../shell/PageLink';
import { Place } from '../shell/Place';
import { Time } from '../shell/Time';
import { duration } from '../shell/times';
import { valueOf } from './assessments';
import { traceNameOf } from './names';
import { spansQuery, traceQuery } from './queries';
import { detailsOf, milliseconds, waterfall, type Bar } from './spans';
import { Waterfall } from './Waterfall';

const route = getRouteApi('/traces/$traceId');

/** One trace: its spans in time, and what went into the one that is chosen. */
export function TracePage() {
  const { traceId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: trace, error, refetch } = useQuery(traceQuery(traceId));
  const spans = useQuery(spansQuery(traceId));
  const bars = useMemo(() => waterfall(spans.data ?? []), [spans.data]);
  const chosen = bars.find((bar) => bar.span.span_id === search.span) ?? bars[0];
  if (error) return <Failure title="The trace can't be shown" error={error} onRepeat={() => void refetch()} />;
  if (!trace) return <Loader aria-label="Loading the trace" />;
  return (
    <Place title={traceNameOf(trace)} isLong>
      <Facts trace={trace} />
      <Assessments assessments={trace.assessments} />
      {spans.error && (
        <Failure title="The spans can't be shown" error={spans.error} onRepeat={() => void spans.refetch()} />
      )}
      {spans.data && bars.length === 0 && <EmptyState title="This trace has no spans" />}
      {chosen && (
        <SimpleGrid cols={{ base: 1, lg: 2 }} spacing="md">
          <Waterfall
            bars={bars}
            chosen={chosen.span.span_id}
            onChoose={(span) => void navigate({ search: { span }, replace: true })}
          />
          <Details bar={chosen} />
        </SimpleGrid>
      )}
    </Place>
  );
}

function Facts({ trace }: { trace: TraceInfo }) {
  const ms = milliseconds(trace.execution_duration);
  const experimentId = trace.trace_location?.mlflow_experiment?.experiment_id;
  const runId = trace.trace_metadata?.['mlflow.sourceRun'];
  return (
    <Group gap="lg">
      <Text size="sm">{trace.state?.toLowerCase().replace('_', ' ')}</Text>
      <Text size="sm">
        <Time time={Date.parse(trace.request_time ?? '')} />
        {ms !== undefined && `, ${duration(ms)}`}
      </Text>
      {experimentId && (
        <PageLink size="sm" to="/experiments/$experimentId/traces" params={{ experimentId }}>
          All traces of the experiment
        </PageLink>
      )}
      {runId && (
        <PageLink size="sm" to="/runs/$runId" params={{ runId }}>
          The run that made it
        </PageLink>
      )}
    </Group>
  );
}

function Assessments({ assessments = [] }: { assessments: Assessment[] | undefined }) {
  if (assessments.length === 0) return null;
  const body = assessments.map((one) => [one.assessment_name, valueOf(one), one.source?.source_id, one.rationale]);
  return <Table aria-label="Assessments" data={{ head: ['Assessment', 'Value', 'From', 'Why'], body }} />;
}

/** What went into a span, what came out, and what else it says. */
function Details({ bar: { span, duration: ms } }: { bar: Bar }) {
  const { type, inputs, outputs, attributes } = detailsOf(span);
  return (
    <Stack gap="sm" component="section" aria-label={`Span ${span.name}`}>
      <Title order={2} size="h4" style={{ overflowWrap: 'anywhere' }}>
        {span.name}
      </Title>
      <Text size="sm" c="dimmed">
        {[type?.toLowerCase(), duration(ms)].filter(Boolean).join(', ')}
      </Text>
      {span.status?.message && (
        <Alert color="red" variant="outline" title="It failed">
          {span.status.message}
        </Alert>
      )}
      <Value title="Inputs" text={inputs} />
      <Value title="Outputs" text={outputs} />
      {attributes.length > 0 && (
        <Table
          aria-label="Attributes"
          data={{ head: ['Attribute', 'Value'], body: attributes.map(({ key, value }) => [key, value]) }}
          style={{ overflowWrap: 'anywhere' }}
        />
      )}
      {span.events?.map((event, index) => (
        <Value key={index} title={event.name} text={JSON.stringify(event.attributes ?? {}, null, 2)} />
      ))}
    </Stack>
  );
}

function Value({ title, text }: { title: string; text: string | undefined }) {
  if (text === undefined) return null;
  return (
    <div>
      <Title order={3} size="h6" mb={4}>
        {title}
      </Title>
      <Code block tabIndex={0} mah={320} style={{ overflow: 'auto', whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
        {text}
      </Code>
    </div>
  );
}
