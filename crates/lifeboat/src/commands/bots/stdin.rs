//! Players' tokens from standard input, and the end of it as the sign to leave: a program that
//! sends bots cannot forget them, not even by being killed.

use std::io::{self, BufRead as _, Lines, StdinLock};
use std::sync::Arc;
use std::thread;

use anyhow::{Context as _, bail};
use lifeboat_client::Tokens;
use tokio::sync::oneshot;

/// Reads the first `count` lines, one for each bot; what is given along with them completes at the
/// end of standard input.
///
/// # Errors
/// When there are fewer lines.
pub(super) async fn read(
    count: usize,
) -> anyhow::Result<(Tokens, impl Future<Output = ()> + Send + 'static)> {
    let (found, tokens) = oneshot::channel();
    let (open, closed) = oneshot::channel::<()>();
    // A thread of its own: one that reads standard input cannot be called off, and would keep the
    // runtime from ending.
    thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut lines = io::stdin().lock().lines();
        // Nobody asks any more if the process is on its way out.
        let _ = found.send(take(&mut lines, count));
        lines.map_while(Result::ok).for_each(drop);
        drop(open);
    })?;
    let tokens = tokens.await.context("standard input was not read")??;
    let tokens: Tokens = Arc::new(move |number| tokens.get(number).cloned().unwrap_or_default());
    Ok((tokens, async move {
        // Dropped is what is waited for.
        let _ = closed.await;
    }))
}

fn take(lines: &mut Lines<StdinLock<'_>>, count: usize) -> anyhow::Result<Vec<String>> {
    let tokens = lines.take(count).collect::<Result<Vec<_>, _>>()?;
    if tokens.len() < count {
        bail!("{count} bots need {count} tokens, and standard input has {}", tokens.len());
    }
    Ok(tokens)
}
