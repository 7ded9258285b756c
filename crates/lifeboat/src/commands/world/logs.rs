//! `lifeboat world logs`.

use clap::Args;
use lifeboat_core::ids::ServerId;
use serde_json::{Value, json};

use crate::api::Call;
use crate::args::Output;
use crate::commands::context::Found;
use crate::commands::{Context, WorldRef};
use crate::limits::POLL_EVERY;
use crate::ui;

/// Which logs.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The world, by id or name.
    world: WorldRef,
    /// How many lines from the end.
    #[arg(long, default_value_t = 100)]
    tail: u32,
    /// Only this server.
    #[arg(long, value_name = "ID")]
    server: Option<ServerId>,
    /// Go on with what is logged from now on, until Ctrl-C.
    #[arg(long, short)]
    follow: bool,
}

/// Prints what the servers of a world logged.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(super) async fn run(args: LogsArgs, ctx: &Context) -> anyhow::Result<()> {
    let found = args.world.find(ctx).await?;
    let deployment = deployment(&found, ctx).await?;
    let mut call = Call::get(format!("/api/deployments/{deployment}/logs"))
        .query("tail", args.tail)
        .accept("text/plain, application/json;q=0.5");
    if let Some(server) = &args.server {
        call = call.query("server", server);
    }
    let mut shown: Vec<String> = Vec::new();
    loop {
        let (kind, text) = ctx.api.text(call.clone()).await?;
        let lines = lines(&kind, &text);
        match ctx.output {
            Output::Json if !args.follow => ui::json(&json!({ "lines": lines }))?,
            Output::Json => {
                fresh(&shown, &lines).iter().try_for_each(|line| ui::answer(json!(line)))?;
            }
            Output::Table => fresh(&shown, &lines).iter().try_for_each(ui::answer)?,
        }
        shown = lines;
        if !args.follow {
            return Ok(());
        }
        tokio::time::sleep(4 * POLL_EVERY).await;
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
    fn logs_are_read_as_text_and_as_lists() {
        assert_eq!(lines("text/plain", "a\nb\n"), log("ab"));
        assert_eq!(lines("application/json", r#"{"items":["a",{"line":"b"}]}"#), log("ab"));
    }
}
