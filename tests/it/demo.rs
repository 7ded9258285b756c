//! The demo, as a program reads it.

use std::process::Command;

use serde_json::Value;

use crate::server::lifeboat;

#[test]
fn every_figure_of_the_demo_is_a_number_also_when_the_world_hangs() {
    for flags in [&["--json", "--clients", "3"][..], &["--json", "--clients", "3", "--hang"]] {
        let output = Command::new(lifeboat()).arg("demo").args(flags).output().expect("it starts");
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let figures: Value =
            serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
        assert_eq!((&figures["landed"], &figures["lost"]), (&3.into(), &0.into()), "{figures}");
        assert!(figures["outageMs"].as_u64().is_some(), "{flags:?}: {figures}");
    }
}
