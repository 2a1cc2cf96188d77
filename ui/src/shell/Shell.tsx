import { AppShell, Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet } from '@tanstack/react-router';
import { callerQuery } from '../tokens/queries';
import icon from './icon.svg';
import { SchemeSwitch } from './SchemeSwitch';
import classes from './Shell.module.css';
import { SignOut } from './SignOut';

/** Height of the bar at the top, in pixels. */
const HEADER_PX = 48;

/** The frame around every place: the bar with the navigation, and what the address shows. */
export function Shell() {
  const { data: caller } = useQuery(callerQuery);
  return (
    <AppShell header={{ height: HEADER_PX }} padding={{ base: 'xs', sm: 'md' }}>
      <button type="button" className="skip-link" onClick={() => document.querySelector<HTMLElement>('main')?.focus()}>
        Skip to the content
      </button>
      <AppShell.Header>
        <Group h="100%" px="md" gap="lg" wrap="nowrap">
          <Link to="/experiments" className={classes.name} aria-label="mlferry, to the experiments">
            <img src={icon} alt="" width={24} height={24} />
            <Text span fw={700} visibleFrom="xs">
              mlferry
            </Text>
          </Link>
          <nav aria-label="Main" className={classes.places}>
            <Link to="/experiments" className={classes.place}>
              Experiments
            </Link>
            <Link to="/models" className={classes.place}>
              Models
            </Link>
            {caller?.username !== undefined && (
              <Link to="/tokens" className={classes.place}>
                Tokens
              </Link>
            )}
          </nav>
          {caller?.has_session && <SignOut name={caller.username} />}
          <SchemeSwitch />
        </Group>
      </AppShell.Header>
      <AppShell.Main tabIndex={-1} className={classes.main}>
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}
