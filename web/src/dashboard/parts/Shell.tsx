/** What is around every page: name, navigation, alarms, and whether the page is current. */

import {
  Alert,
  AppShell,
  Burger,
  Button,
  Group,
  NavLink,
  Stack,
  Text,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import { api } from "../../api/client.js";
import { span, timeOfDay } from "../format.js";
import { useConnection, useNow } from "../live.js";
import { useMay, useMe } from "../queries.js";
import { Alarms } from "./Alarms.js";

const LOST_SHOWN_AFTER_MS = 1_500;

function ConnectionNotice() {
  const connection = useConnection();
  const now = useNow();
  if (connection.is === "open" || now - connection.since < LOST_SHOWN_AFTER_MS) return null;
  return (
    <Alert color="yellow" variant="filled" role="alert" title="Connection lost" mb="md">
      Since {timeOfDay(connection.since)} ({span(Math.max(now - connection.since, 0))}) nothing new
      came from Lifeboat. What this page shows may no longer be true; it is tried again.
    </Alert>
  );
}

function SchemeButton() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const other = scheme === "dark" ? "light" : "dark";
  return (
    <Button variant="subtle" color="gray" size="compact-sm" onClick={() => setColorScheme(other)}>
      {other === "dark" ? "Dark" : "Light"}
      <span style={{ position: "absolute", left: -9999 }}> colours</span>
    </Button>
  );
}

function Account() {
  const { data: me } = useMe();
  const cache = useQueryClient();
  const signOut = useMutation({
    mutationFn: api.logout,
    onSettled: () => {
      cache.clear();
      void cache.invalidateQueries();
      location.assign("/");
    },
  });
  return (
    <Group gap="xs" wrap="nowrap">
      <SchemeButton />
      <Text size="sm" visibleFrom="sm" maw={220} truncate>
        {me?.name} · {me?.role}
      </Text>
      <Button size="compact-sm" variant="default" onClick={() => signOut.mutate()}>
        Sign out
      </Button>
    </Group>
  );
}

function Navigation({ close }: { close: () => void }) {
  const [at] = useLocation();
  const mayKeys = useMay("admin");
  const pages = [
    { href: "/", label: "Worlds", isHere: at === "/" || at.startsWith("/worlds") },
    { href: "/failovers", label: "Failovers", isHere: at.startsWith("/failovers") },
    { href: "/audit", label: "Audit", isHere: at === "/audit" },
    ...(mayKeys ? [{ href: "/keys", label: "Keys", isHere: at === "/keys" }] : []),
  ];
  return (
    <Stack gap={4} component="nav" aria-label="Main">
      {pages.map(({ href, label, isHere }) => (
        <NavLink
          key={href}
          component={Link}
          href={href}
          label={label}
          active={isHere}
          aria-current={isHere ? "page" : undefined}
          className="nav-link"
          onClick={close}
        />
      ))}
      <NavLink href="/docs/" label="Documentation" />
    </Stack>
  );
}

export function Shell({ children }: { children: ReactNode }) {
  const [isOpen, { toggle, close }] = useDisclosure();
  const [at] = useLocation();
  const main = useRef<HTMLDivElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    // A new page begins where its text begins, for readers and keyboards as well.
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
    void at;
  }, [at]);
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 190, breakpoint: "sm", collapsed: { mobile: !isOpen } }}
      padding="md"
    >
      <a href="#main" className="skip-link">
        Skip to the content
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={isOpen} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Menu" />
            <img src="/lifeboat.svg" alt="" width={26} height={26} />
            <Text fw={700} size="lg">
              Lifeboat
            </Text>
          </Group>
          <Account />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" component="div">
        <Navigation close={close} />
      </AppShell.Navbar>
      <AppShell.Main>
        <div id="main" ref={main} tabIndex={-1} style={{ outline: "none", maxWidth: 1280 }}>
          <ConnectionNotice />
          <Alarms />
          {children}
        </div>
      </AppShell.Main>
    </AppShell>
  );
}
