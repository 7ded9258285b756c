//! All that is printed. Standard output has the answer and nothing else; progress, questions and
//! warnings go to standard error.

mod checklist;
mod progress;
mod span;
mod table;

use std::fmt::Display;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use serde_json::Value;

use crate::exit::Usage;

pub(crate) use checklist::{checklist, rules};
pub(crate) use progress::{MoveProgress, figures};
pub(crate) use span::{Minutes, millis};
pub(crate) use table::{Table, cell, sheet};

/// Prints a part of the answer.
///
/// # Errors
/// When standard output takes no more.
pub(crate) fn answer(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{text}")
}

/// Prints a part of the answer as it came, without an end of line of ours.
///
/// # Errors
/// When standard output takes no more.
pub(crate) fn answer_raw(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Prints the answer for programs.
///
/// # Errors
/// When standard output takes no more.
pub(crate) fn json(value: &Value) -> io::Result<()> {
    answer(format_args!("{value:#}"))
}

/// Tells the operator something that is not the answer.
pub(crate) fn note(text: impl Display) {
    // There is nobody left to tell that standard error takes no more.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether the operator said beforehand that people may be moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// With `--yes`.
    Given,
    /// To be asked.
    Ask,
}

impl From<bool> for Consent {
    fn from(yes: bool) -> Self {
        if yes { Self::Given } else { Self::Ask }
    }
}

/// Whether somebody sits there who can be asked.
pub(crate) fn is_attended() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks before people are moved, unless consent was given.
///
/// # Errors
/// A misuse when nobody can be asked; a plain error when the answer is no.
pub(crate) fn confirm(question: &str, consent: Consent) -> anyhow::Result<()> {
    if consent == Consent::Given {
        return Ok(());
    }
    if !is_attended() {
        let text = format!("{question} Nobody can be asked here: add --yes to do it");
        return Err(Usage(text).into());
    }
    // The end of the question is not the end of a line.
    let _ = write!(io::stderr().lock(), "{question} [y/N] ");
    let mut reply = String::new();
    io::stdin().lock().read_line(&mut reply)?;
    match reply.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => anyhow::bail!("not confirmed; nothing was changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_consented_is_not_asked() {
        assert!(confirm("Move 500 people?", true.into()).is_ok());
    }
}
