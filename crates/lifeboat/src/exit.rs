//! How the program ends: 0 done, 1 failed, 2 usage, 3 blocked by a rule, 4 out of reach.

use std::io;
use std::process::ExitCode;

use thiserror::Error;

use crate::api::ApiError;
use crate::ui;

/// How a command ended that could be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did what it is for.
    Done,
    /// It was carried out, and what it waited for did not come.
    Failed,
    /// A rule stands in the way; what was printed says which.
    Blocked,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::Blocked => 3,
        })
    }
}

/// A command that cannot be carried out as it was typed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Says what went wrong and what to do about it, and gives the exit code that goes with it.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    ui::note(format_args!("error: {error:#}"));
    if let Some(api) = error.downcast_ref::<ApiError>() {
        for line in api.advice() {
            ui::note(format_args!("  {line}"));
        }
    }
    ExitCode::from(code(error))
}

fn code(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<Usage>().is_some() {
        return 2;
    }
    error.downcast_ref::<ApiError>().map_or(1, ApiError::exit_code)
}

/// Whoever read our output has seen enough of it, as in `lifeboat audit | head`.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misuse_is_told_from_a_failure() {
        assert_eq!(code(&Usage("x".into()).into()), 2);
        assert_eq!(code(&anyhow::anyhow!("x")), 1);
        assert!(is_closed_pipe(&io::Error::from(io::ErrorKind::BrokenPipe).into()));
    }
}
