//! What every command has at hand: the API, the form of the answer, and how a world is found.

use std::convert::Infallible;
use std::str::FromStr;

use anyhow::bail;
use lifeboat_core::ids::WorldId;
use serde_json::{Value, json};

use crate::api::{Api, ApiError, WorldView};
use crate::args::{Global, Output};
use crate::ui::{self, Table};

/// What every command has at hand.
pub(crate) struct Context {
    /// The API.
    pub(crate) api: Api,
    /// The form of the answer.
    pub(crate) output: Output,
}

impl Context {
    /// From the options that every command takes, and the key in the environment.
    ///
    /// # Errors
    /// When the address is none, or the key cannot be read.
    pub(crate) fn new(global: &Global) -> anyhow::Result<Self> {
        let key = std::env::var("LIFEBOAT_API_KEY").ok().filter(|key| !key.is_empty());
        let api = Api::find(global.url.as_deref(), global.data(), key)?;
        Ok(Self { api, output: global.output })
    }

    /// Prints one answer: as it is for programs, by `table` for people.
    ///
    /// # Errors
    /// When standard output takes no more.
    pub(crate) fn show<T: std::fmt::Display>(
        &self,
        value: &Value,
        table: impl FnOnce(&Value) -> T,
    ) -> anyhow::Result<()> {
        match self.output {
            Output::Json => ui::json(value)?,
            Output::Table => ui::answer(table(value))?,
        }
        Ok(())
    }

    /// Prints a list: as the API has it for programs, else with these columns, each a heading and
    /// the pointer of its value.
    ///
    /// # Errors
    /// When standard output takes no more.
    pub(crate) fn show_list<const N: usize>(
        &self,
        items: Vec<Value>,
        columns: [(&str, &str); N],
    ) -> anyhow::Result<()> {
        let list = json!({ "items": items, "nextCursor": null });
        self.show(&list, |list| {
            let mut table = Table::new(columns.map(|(heading, _)| heading));
            for item in list["items"].as_array().into_iter().flatten() {
                table.row(columns.map(|(_, pointer)| ui::cell(item, pointer)));
            }
            table
        })
    }
}

/// A world as it is typed: by its id or its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorldRef(String);

impl FromStr for WorldRef {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

/// A world that was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// The world, as far as commands need it.
    pub(crate) view: WorldView,
    /// The world, as the API has it.
    pub(crate) raw: Value,
}

impl Found {
    /// The address of the world, or of something of it.
    pub(crate) fn path(&self, below: &str) -> String {
        format!("/api/worlds/{}{below}", self.view.id)
    }
}

impl WorldRef {
    /// The world that is meant.
    ///
    /// # Errors
    /// When there is none, naming those that there are.
    pub(crate) async fn find(&self, ctx: &Context) -> anyhow::Result<Found> {
        let raw = if self.0.parse::<WorldId>().is_ok() {
            ctx.api.get(format!("/api/worlds/{}", self.0)).await?
        } else {
            self.choose(ctx.api.list("/api/worlds").await?)?
        };
        let view = ApiError::shape(raw.clone())?;
        Ok(Found { view, raw })
    }

    /// The id of the world that is meant; an id is taken as it is.
    ///
    /// # Errors
    /// As [`WorldRef::find`].
    pub(crate) async fn id(&self, ctx: &Context) -> anyhow::Result<String> {
        match self.0.parse::<WorldId>() {
            Ok(id) => Ok(id.to_string()),
            Err(_) => Ok(self.find(ctx).await?.view.id),
        }
    }

    /// The world of this name: spelled exactly so, else the only one spelled so but for capitals.
    fn choose(&self, worlds: Vec<Value>) -> anyhow::Result<Value> {
        let name = |world: &Value| world["name"].as_str().unwrap_or_default().to_owned();
        if let Some(world) = worlds.iter().find(|world| name(world) == self.0) {
            return Ok(world.clone());
        }
        let alike = |world: &&Value| name(world).to_lowercase() == self.0.to_lowercase();
        let mut matches = worlds.iter().filter(alike);
        if let (Some(world), None) = (matches.next(), matches.next()) {
            return Ok(world.clone());
        }
        let names: Vec<String> = worlds.iter().take(20).map(name).collect();
        match names.as_slice() {
            [] => bail!("no world is called `{}`; there are none yet", self.0),
            names => bail!("no world is called `{}`; there are: {}", self.0, names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(name: &str) -> anyhow::Result<Value> {
        let worlds = vec![
            json!({ "id": "wld_1", "name": "Main Stage" }),
            json!({ "id": "wld_2", "name": "lobby" }),
            json!({ "id": "wld_3", "name": "LOBBY" }),
        ];
        WorldRef(name.to_owned()).choose(worlds)
    }

    #[test]
    fn a_name_is_found_exactly_or_but_for_capitals_when_only_one_is_meant() {
        assert_eq!(choose("main stage").unwrap()["id"], "wld_1");
        assert_eq!(choose("LOBBY").unwrap()["id"], "wld_3");
        let error = choose("Lobby").unwrap_err().to_string();
        assert!(error.contains("there are: Main Stage, lobby, LOBBY"), "{error}");
    }
}
