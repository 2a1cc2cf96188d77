import { Badge, Group } from '@mantine/core';
import type { Assessment } from '../api/types';
import { valueOf } from './assessments';

/** What people, programs and models thought of a trace, in short. */
export function Assessed({ assessments = [] }: { assessments: Assessment[] | undefined }) {
  return (
    <Group gap={4} wrap="nowrap">
      {assessments.map((one) => (
        <Badge key={one.assessment_id} size="sm" variant="default" tt="none">
          {one.assessment_name}: {valueOf(one)}
        </Badge>
      ))}
    </Group>
  );
}
