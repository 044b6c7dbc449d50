//! What asks a program to end.

use crate::exit::INTERRUPTED;

/// Waits for Ctrl-C or, where there is one, SIGTERM. After the first, a second one ends the
/// program at once: nobody has to wait for an end in order.
pub(crate) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        if let (Ok(mut terminate), Ok(mut interrupt)) = signals {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tokio::spawn(async move {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                end_at_once()
            });
            return;
        }
    }
    if tokio::signal::ctrl_c().await.is_err() {
        // Nobody can interrupt us: then nobody does.
        std::future::pending::<()>().await;
    }
    tokio::spawn(async {
        if tokio::signal::ctrl_c().await.is_ok() {
            end_at_once()
        }
    });
}

fn end_at_once() {
    std::process::exit(i32::from(INTERRUPTED));
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
