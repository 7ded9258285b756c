import "@mantine/core/styles.css";
import "uplot/dist/uPlot.min.css";
import "./dashboard.css";
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App.js";
import { reload, retry, retryDelay } from "./retry.js";
import { theme } from "./theme.js";

const cache = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      retry,
      retryDelay,
      refetchInterval: reload(),
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

const root = document.getElementById("root");
if (!root) throw new Error("the page has no #root");
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={cache}>
        <App />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
