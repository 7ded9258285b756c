import { Center, Loader } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { Route, Switch } from "wouter";
import { onSignedOut } from "../api/http.js";
import { asProblem } from "../api/problem.js";
import { LiveProvider } from "./live.js";
import { LoginPage } from "./pages/LoginPage.js";
import { Notices } from "./parts/Notices.js";
import { Problem } from "./parts/Problem.js";
import { Shell } from "./parts/Shell.js";
import { useMe } from "./queries.js";

const WorldsPage = lazy(() => import("./pages/WorldsPage.js"));
const WorldPage = lazy(() => import("./pages/WorldPage.js"));
const LiveConfigPage = lazy(() => import("./pages/LiveConfigPage.js"));
const FailoverPage = lazy(() => import("./pages/FailoverPage.js"));
const FailoversPage = lazy(() => import("./pages/FailoversPage.js"));
const AuditPage = lazy(() => import("./pages/AuditPage.js"));
const KeysPage = lazy(() => import("./pages/KeysPage.js"));
const NotFoundPage = lazy(() => import("./pages/NotFoundPage.js"));

export function Waiting() {
  return (
    <Center mih={240}>
      <Loader aria-label="Loading" />
    </Center>
  );
}

/** The login, or the pages for the one who is signed in. */
export function App() {
  const me = useMe();
  const cache = useQueryClient();
  useEffect(() => {
    const forget = () => void cache.invalidateQueries({ queryKey: ["me"] });
    onSignedOut.add(forget);
    return () => void onSignedOut.delete(forget);
  }, [cache]);

  if (me.isPending) return <Waiting />;
  const problem = me.error ? asProblem(me.error) : null;
  if (problem?.status === 401) return <LoginPage />;
  if (problem && !me.data) {
    return (
      <Center mih="100vh" p="md">
        <Problem error={problem} retry={() => void me.refetch()} />
      </Center>
    );
  }
  return (
    <LiveProvider>
      <Notices>
        <Shell>
          <Suspense fallback={<Waiting />}>
            <Pages />
          </Suspense>
        </Shell>
      </Notices>
    </LiveProvider>
  );
}

/** A page is made anew for each world, so that nothing of one world shows on another's page. */
function forWorld(page: (worldId: string) => ReactNode) {
  return ({ id }: { id: string }) => <div key={id}>{page(decodeURIComponent(id))}</div>;
}

function Pages() {
  return (
    <Switch>
      <Route path="/" component={WorldsPage} />
      <Route path="/worlds/:id">{forWorld((id) => <WorldPage worldId={id} />)}</Route>
      <Route path="/worlds/:id/live-config">
        {forWorld((id) => <LiveConfigPage worldId={id} />)}
      </Route>
      <Route path="/worlds/:id/failover">{forWorld((id) => <FailoverPage worldId={id} />)}</Route>
      <Route path="/failovers">
        <FailoversPage />
      </Route>
      <Route path="/failovers/:id">{forWorld((id) => <FailoversPage failoverId={id} />)}</Route>
      <Route path="/audit" component={AuditPage} />
      <Route path="/keys" component={KeysPage} />
      <Route component={NotFoundPage} />
    </Switch>
  );
}
