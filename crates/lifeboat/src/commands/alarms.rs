//! `lifeboat alarms`: which worlds are in trouble.

use serde_json::json;

use super::Context;
use crate::args::Output;
use crate::exit::Outcome;
use crate::ui;

/// Prints the alarms of this moment, a line each.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn run(ctx: &Context) -> anyhow::Result<Outcome> {
    let alarms = ctx.api.list("/api/alarms").await?;
    match ctx.output {
        Output::Json => ui::json(&json!({ "items": alarms, "nextCursor": null }))?,
        Output::Table if alarms.is_empty() => ui::answer("All is well.")?,
        Output::Table => {
            for alarm in &alarms {
                ui::answer(ui::cell(alarm, "/message"))?;
            }
        }
    }
    Ok(Outcome::Done)
}
