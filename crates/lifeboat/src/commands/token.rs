//! `lifeboat token`.

use clap::{ArgAction, Args};
use serde_json::json;

use super::Context;
use crate::api::Call;
use crate::args::Output;
use crate::exit::Outcome;
use crate::ui::{self, Minutes};

/// Whose token.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// The user.
    #[arg(long, value_name = "USER")]
    sub: String,
    /// An access group that the user is of; give it again for more.
    #[arg(long = "group", value_name = "GROUP", action = ArgAction::Append)]
    groups: Vec<String>,
    /// How long it is valid: minutes, or 90m, 3h; else as the server decides.
    #[arg(long, value_name = "TIME")]
    ttl: Option<Minutes>,
}

/// Prints a player's token and nothing else.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn run(args: TokenArgs, ctx: &Context) -> anyhow::Result<Outcome> {
    let mut body = json!({ "sub": args.sub, "groups": args.groups });
    if let Some(minutes) = args.ttl {
        body["ttlMinutes"] = minutes.0.into();
    }
    let answer = ctx.api.send(Call::post("/api/tokens", body)).await?;
    match (ctx.output, answer["token"].as_str()) {
        (Output::Json, _) => ui::json(&answer)?,
        (Output::Table, Some(token)) => ui::answer(token)?,
        (Output::Table, None) => anyhow::bail!("the answer has no token in it"),
    }
    Ok(Outcome::Done)
}
