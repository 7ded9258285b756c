//! A mod of the tests' own, whose servers are reached, or not, as a test wants it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Setup, lifeboat};

/// Versions of the mod: as plaza is, and with room and speed that nothing here can reach.
const USUAL: &str = "1.0.0";
const VAST: &str = "2.0.0";

/// The mod `stage`: plaza's servers, listening on 127.0.0.1 alone; in the worlds that were made
/// mute, servers that take connections, call health, and never welcome anybody.
#[derive(Debug)]
pub struct GameMod {
    folder: TempDir,
}

impl GameMod {
    /// Writes the mod. `program` is the one of `game_server.rs`.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn of(program: &str) -> Self {
        let folder = TempDir::new().expect("a folder for the mod");
        let mute = folder.path().join("mute").display().to_string();
        let command = json!([program, lifeboat(), mute]);
        let plaza = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mods/plaza/1.0.0");
        for (version, seats, joins) in [(USUAL, 500, 100), (VAST, 50_000, 1_000_000)] {
            let at = folder.path().join("mods/stage").join(version);
            fs::create_dir_all(&at).expect("made");
            let manifest = format!(
                "name = \"stage\"\nversion = \"{version}\"\ncommand = {command}\n\
                 base_versions = [38]\ncontent_versions = [\"1\"]\nmaps = [\"plaza\"]\n\
                 seats_per_server = {seats}\njoins_per_second_per_server = {joins}\n\
                 protocol = \"ws\"\npath = \"/\"\n"
            );
            fs::write(at.join("mod.toml"), manifest).expect("written");
            fs::copy(plaza.join("project.schema.json"), at.join("project.schema.json"))
                .expect("plaza's schema is there");
        }
        Self { folder }
    }

    /// The flags of a control plane that has the mod. Game servers are handed out under
    /// `game_host`.
    ///
    /// # Panics
    /// When the file for it cannot be written.
    #[must_use]
    pub fn setup(&self, game_host: &str) -> Setup {
        let config = self.folder.path().join("lifeboat.toml");
        fs::write(&config, format!("advertise_host = \"{game_host}\"\n")).expect("written");
        let mods = self.folder.path().join("mods");
        Setup::with(&[
            "--mods",
            &mods.display().to_string(),
            "--config",
            &config.display().to_string(),
        ])
    }

    /// A main world of the mod.
    #[must_use]
    pub fn world(&self) -> Value {
        json!({ "name": "Main Stage", "build": { "mod": "stage", "modVersion": USUAL } })
    }

    /// A world whose one server would take 50,000 people, as fast as they come.
    #[must_use]
    pub fn vast_world(&self, name: &str) -> Value {
        json!({
            "name": name, "build": { "mod": "stage", "modVersion": VAST },
            "scale": { "profile": "Capacity50000" },
        })
    }

    /// Servers of these worlds that start from now on are mute.
    ///
    /// # Panics
    /// When it cannot be said.
    pub fn make_mute(&self, worlds: &[String]) {
        fs::write(self.folder.path().join("mute"), worlds.join("\n")).expect("written");
    }
}
