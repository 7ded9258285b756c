//! `lifeboat world logs`.

use std::collections::HashMap;

use clap::Args;
use lifeboat_core::ids::ServerId;
use serde_json::{Value, json};

use crate::api::{Call, DeploymentView};
use crate::args::Output;
use crate::commands::context::Found;
use crate::commands::{Context, WorldRef};
use crate::limits::{LOG_SERVERS_MAX, POLL_EVERY};
use crate::ui;

/// Which logs.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The world, by id or name.
    world: WorldRef,
    /// How many lines from the end of each server's log.
    #[arg(long, default_value_t = 100)]
    tail: u32,
    /// Only this server; else each one, under a line with its id.
    #[arg(long, value_name = "ID")]
    server: Option<ServerId>,
    /// Go on with what is logged from now on, until Ctrl-C.
    #[arg(long, short)]
    follow: bool,
}

/// One server's log; of a world that stopped, the server is left to the API.
struct Log {
    server: Option<String>,
    lines: Vec<String>,
}

/// Prints what the servers of a world logged.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(super) async fn run(args: LogsArgs, ctx: &Context) -> anyhow::Result<()> {
    let found = args.world.find(ctx).await?;
    let deployment = deployment(&found, ctx).await?;
    let mut printer = Printer::default();
    let mut told = 0;
    loop {
        let (servers, more) = args.servers(&deployment, ctx).await?;
        if more != told {
            let all = servers.len() + more;
            ui::note(format_args!(
                "the first {} of {all} servers; --server for another",
                servers.len()
            ));
            told = more;
        }
        let mut logs = Vec::new();
        for server in servers {
            logs.push(args.read(&deployment, server, ctx).await?);
        }
        if ctx.output == Output::Json && !args.follow {
            return Ok(ui::json(&document(&logs))?);
        }
        for line in printer.next(logs) {
            match ctx.output {
                Output::Json => ui::answer(line.json())?,
                Output::Table => ui::answer(line.text())?,
            }
        }
        if !args.follow {
            return Ok(());
        }
        tokio::time::sleep(4 * POLL_EVERY).await;
    }
}

impl LogsArgs {
    /// The servers whose logs are wanted, and how many more there are.
    async fn servers(
        &self,
        deployment: &str,
        ctx: &Context,
    ) -> anyhow::Result<(Vec<Option<String>>, usize)> {
        if let Some(server) = &self.server {
            return Ok((vec![Some(server.to_string())], 0));
        }
        let view: DeploymentView = ctx.api.read(format!("/api/deployments/{deployment}")).await?;
        let more = view.servers.len().saturating_sub(LOG_SERVERS_MAX);
        let known: Vec<_> =
            view.servers.into_iter().take(LOG_SERVERS_MAX).map(|server| Some(server.id)).collect();
        Ok((if known.is_empty() { vec![None] } else { known }, more))
    }

    async fn read(
        &self,
        deployment: &str,
        server: Option<String>,
        ctx: &Context,
    ) -> anyhow::Result<Log> {
        let mut call = Call::get(format!("/api/deployments/{deployment}/logs"))
            .query("tail", self.tail)
            .accept("text/plain, application/json;q=0.5");
        if let Some(server) = &server {
            call = call.query("server", server);
        }
        let (kind, text) = ctx.api.text(call).await?;
        Ok(Log { server, lines: lines(&kind, &text) })
    }
}

/// All lines for programs, and those of each server.
fn document(logs: &[Log]) -> Value {
    let all: Vec<_> = logs.iter().flat_map(|log| &log.lines).collect();
    let servers: Vec<_> =
        logs.iter().map(|log| json!({ "id": log.server, "lines": log.lines })).collect();
    json!({ "lines": all, "servers": servers })
}

/// What is printed next.
#[derive(Debug, PartialEq)]
enum Line {
    /// From here on it is this server's log.
    Heading(String),
    Text(String),
}

impl Line {
    fn text(&self) -> String {
        match self {
            Self::Heading(server) => format!("==> {server} <=="),
            Self::Text(line) => line.clone(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Heading(server) => json!({ "server": server }),
            Self::Text(line) => json!(line),
        }
    }
}

/// Knows what was printed, so that only what is new is.
#[derive(Default)]
struct Printer {
    shown: HashMap<Option<String>, Vec<String>>,
    /// Whose lines were printed last.
    at: Option<String>,
}

impl Printer {
    /// What is new in these logs. Where there are several, each part says whose it is.
    fn next(&mut self, logs: Vec<Log>) -> Vec<Line> {
        let several = logs.len() > 1 || self.shown.len() > 1;
        let mut next = Vec::new();
        for Log { server, lines } in logs {
            let shown = self.shown.entry(server.clone()).or_default();
            let new = fresh(shown, &lines);
            if several && !new.is_empty() && self.at != server {
                next.extend(server.clone().map(Line::Heading));
                self.at = server;
            }
            next.extend(new.iter().cloned().map(Line::Text));
            *shown = lines;
        }
        next
    }
}

/// The deployment that a world runs, else the one that it ran last.
async fn deployment(found: &Found, ctx: &Context) -> anyhow::Result<String> {
    if let Some(running) = &found.view.status.deployment_id {
        return Ok(running.to_string());
    }
    let all = ctx.api.list(&found.path("/deployments")).await?;
    let newest = all.iter().max_by_key(|one| ui::cell(one, "/startedAt"));
    let Some(newest) = newest else {
        anyhow::bail!("{} was never launched, so there are no logs", found.view.name);
    };
    Ok(ui::cell(newest, "/id"))
}

/// The lines of a log that comes as text, as a list of lines, or as a list of objects.
fn lines(kind: &str, text: &str) -> Vec<String> {
    let json = kind.contains("json").then(|| serde_json::from_str::<Value>(text).ok()).flatten();
    let Some(json) = json else { return text.lines().map(str::to_owned).collect() };
    let entries = [&json["items"], &json["lines"], &json].into_iter().find_map(Value::as_array);
    entries.into_iter().flatten().map(line).collect()
}

fn line(entry: &Value) -> String {
    match entry {
        Value::String(line) => line.clone(),
        entry => ["line", "text", "message"]
            .iter()
            .find_map(|name| entry[name].as_str())
            .map_or_else(|| entry.to_string(), str::to_owned),
    }
}

/// The lines that came since `shown`: what follows the longest end of it that `now` begins with.
fn fresh<'now>(shown: &[String], now: &'now [String]) -> &'now [String] {
    let overlap = (0..=shown.len().min(now.len()))
        .rev()
        .find(|&count| shown[shown.len() - count..] == now[..count])
        .unwrap_or(0);
    &now[overlap..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(text: &str) -> Vec<String> {
        text.chars().map(String::from).collect()
    }

    #[test]
    fn only_new_lines_are_shown_again() {
        for (shown, now, new) in
            [("", "abc", "abc"), ("abc", "abc", ""), ("abc", "bcd", "d"), ("abc", "xyz", "xyz")]
        {
            assert_eq!(fresh(&log(shown), &log(now)), log(new), "{shown} then {now}");
        }
    }

    #[test]
    fn each_part_says_whose_it_is_where_there_are_several() {
        let of =
            |server: &str, text: &str| Log { server: Some(server.to_owned()), lines: log(text) };
        let printed = |lines: Vec<Line>| lines.iter().map(Line::text).collect::<Vec<_>>().join(" ");
        let mut printer = Printer::default();
        assert_eq!(printed(printer.next(vec![of("srv_1", "ab")])), "a b", "it is the only one");
        let both = printer.next(vec![of("srv_1", "abc"), of("srv_2", "x")]);
        assert_eq!(printed(both), "==> srv_1 <== c ==> srv_2 <== x");
        let more = printer.next(vec![of("srv_1", "abc"), of("srv_2", "xy")]);
        assert_eq!(printed(more), "y", "it is srv_2's still");
        let logs = [of("srv_1", "a"), of("srv_2", "b")];
        assert_eq!(document(&logs)["lines"], json!(["a", "b"]));
        assert_eq!(document(&logs)["servers"][1], json!({ "id": "srv_2", "lines": ["b"] }));
    }

    #[test]
    fn logs_are_read_as_text_and_as_lists() {
        assert_eq!(lines("text/plain", "a\nb\n"), log("ab"));
        assert_eq!(lines("application/json", r#"{"items":["a",{"line":"b"}]}"#), log("ab"));
    }
}
