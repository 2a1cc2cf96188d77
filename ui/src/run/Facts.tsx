import { Code, Table } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Run } from '../api/types';
import { experimentQuery } from '../experiments/queries';
import { PageLink } from '../shell/PageLink';
import { Time } from '../shell/Time';
import { duration } from '../shell/times';
import { sourceOf, tagOf } from './values';

/** Who ran it, when, with what, and where it belongs. */
export function Facts({ run }: { run: Run }) {
  const { info } = run;
  const experimentId = info.experiment_id;
  const experiment = useQuery(experimentQuery(experimentId));
  const parent = tagOf(run, 'mlflow.parentRunId');
  const user = tagOf(run, 'mlflow.user') ?? info.user_id;
  const source = sourceOf(run);
  const facts: [string, ReactNode][] = [
    [
      'Experiment',
      <PageLink key="experiment" to="/experiments/$experimentId/runs" params={{ experimentId }} inherit>
        {experiment.data?.name ?? experimentId}
      </PageLink>,
    ],
    ['Run id', <Code key="id">{info.run_id}</Code>],
    ['Started', <Time key="started" time={info.start_time} />],
    ['Duration', info.start_time && info.end_time ? duration(info.end_time - info.start_time) : ''],
    ['User', user],
    ['Source', source],
    [
      'Part of',
      parent && (
        <PageLink key="parent" to="/runs/$runId" params={{ runId: parent }} inherit>
          {parent}
        </PageLink>
      ),
    ],
    ['Artifacts', <Code key="artifacts">{info.artifact_uri}</Code>],
  ];
  return (
    <Table aria-label="About the run" withRowBorders={false} verticalSpacing={2} w="auto">
      <Table.Tbody>
        {facts.map(
          ([name, value]) =>
            value && (
              <Table.Tr key={name}>
                <Table.Th scope="row" fw={500} w={110} ta="left">
                  {name}
                </Table.Th>
                <Table.Td style={{ overflowWrap: 'anywhere' }}>{value}</Table.Td>
              </Table.Tr>
            ),
        )}
      </Table.Tbody>
    </Table>
  );
}
