//! What asks a program to end.

/// Waits for Ctrl-C or, where there is one, SIGTERM.
pub(crate) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        // Nobody can interrupt us: then nobody does.
        std::future::pending::<()>().await;
    }
}

/// Waits for the end of standard input.
pub(crate) async fn input_ended() {
    let (ended, wait) = tokio::sync::oneshot::channel();
    // A thread of its own: one that waits in a read would keep the runtime from ending.
    std::thread::spawn(move || {
        // An input that cannot be read has ended as well.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        // Nobody waits any more when the program is ending.
        let _ = ended.send(());
    });
    // The sender is dropped only after it has sent.
    let _ = wait.await;
}
