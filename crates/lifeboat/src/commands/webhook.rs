//! `lifeboat webhook`: other services that are told what happens.

use clap::Subcommand;
use lifeboat_core::ids::WebhookId;
use serde_json::{Value, json};

use super::Context;
use crate::api::Call;
use crate::exit::Outcome;
use crate::ui;

/// What can be done with webhooks.
#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// Have an address told what happens, and print the secret that signs it, this once.
    Add {
        /// Where to, beginning with http:// or https://.
        #[arg(value_name = "URL")]
        address: String,
        /// What to tell: alert, failover, readiness, world, deployment, liveConfig, ban or audit;
        /// may be given more than once, else the first two.
        #[arg(long = "event", value_name = "EVENT")]
        events: Vec<String>,
        /// Send what a chat such as Slack takes: a text.
        #[arg(long)]
        slack: bool,
    },
    /// List the webhooks, without their secrets.
    List,
    /// Tell an address nothing any more.
    Remove {
        /// The webhook.
        id: WebhookId,
    },
    /// Send a test and say what came of it.
    Test {
        /// The webhook.
        id: WebhookId,
    },
    /// List what a webhook was told, or is to be, the newest first.
    Deliveries {
        /// The webhook.
        id: WebhookId,
        /// How many.
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
}

/// Carries out a command about webhooks.
///
/// # Errors
/// When the API refuses or is out of reach.
pub(crate) async fn run(command: WebhookCommand, ctx: &Context) -> anyhow::Result<Outcome> {
    match command {
        WebhookCommand::Add { address, events, slack } => {
            let webhook =
                ctx.api.send(Call::post("/api/webhooks", body(address, events, slack))).await?;
            ctx.show(&webhook, |webhook| {
                ui::sheet(
                    [
                        ("Webhook", "/id"),
                        ("To", "/url"),
                        ("Events", "/events"),
                        ("Secret", "/secret"),
                    ]
                    .map(|(name, pointer)| (name, ui::cell(webhook, pointer))),
                )
            })?;
            ui::note("the secret is shown this once; the receiver checks signatures with it");
        }
        WebhookCommand::List => ctx.show_list(
            ctx.api.list("/api/webhooks").await?,
            [
                ("ID", "/id"),
                ("TO", "/url"),
                ("EVENTS", "/events"),
                ("FORM", "/format"),
                ("WAITING", "/pending"),
                ("LAST", "/lastDelivery/state"),
            ],
        )?,
        WebhookCommand::Remove { id } => {
            ctx.api.send(Call::delete(format!("/api/webhooks/{id}"))).await?;
            ui::note(format_args!("removed {id}"));
        }
        WebhookCommand::Test { id } => return test(&id, ctx).await,
        WebhookCommand::Deliveries { id, limit } => ctx.show_list(
            ctx.api.list_first(&format!("/api/webhooks/{id}/deliveries"), limit).await?,
            [
                ("WHEN", "/createdAt"),
                ("EVENT", "/event"),
                ("STATE", "/state"),
                ("TRIES", "/tries"),
                ("NEXT", "/nextTryAt"),
                ("STATUS", "/status"),
                ("ERROR", "/error"),
            ],
        )?,
    }
    Ok(Outcome::Done)
}

fn body(address: String, events: Vec<String>, slack: bool) -> Value {
    let mut body = json!({ "url": address, "format": if slack { "slack" } else { "json" } });
    if !events.is_empty() {
        body["events"] = json!(events);
    }
    body
}

async fn test(id: &WebhookId, ctx: &Context) -> anyhow::Result<Outcome> {
    let delivery = ctx.api.send(Call::post(format!("/api/webhooks/{id}/test"), json!({}))).await?;
    ctx.show(&delivery, |delivery| {
        ui::sheet(
            [("Delivery", "/id"), ("State", "/state"), ("Status", "/status"), ("Error", "/error")]
                .map(|(name, pointer)| (name, ui::cell(delivery, pointer))),
        )
    })?;
    let is_taken = delivery["state"] == "delivered";
    Ok(if is_taken { Outcome::Done } else { Outcome::Failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_left_to_the_server() {
        let url = || "https://a/".to_owned();
        assert_eq!(body(url(), vec![], true), json!({ "url": "https://a/", "format": "slack" }));
        let named = body(url(), vec!["alert".to_owned()], false);
        assert_eq!(named["events"], json!(["alert"]));
    }
}
