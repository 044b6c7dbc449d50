//! A link with delay: every datagram to an accumulator, and every one back, is held for half a
//! round trip. Nothing is lost and nothing overtakes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Longest datagram.
const DATAGRAM: usize = 65_536;

type Held = (Instant, Vec<u8>);

/// Relays of all accumulators; they end when this is dropped.
pub(crate) struct Relays(#[expect(dead_code, reason = "keeps its tasks alive")] JoinSet<()>);

impl Relays {
    /// Relays from each of `fronts` to the accumulator at the same place of `backs`.
    pub(crate) async fn start(fronts: &[SocketAddr], backs: &[SocketAddr], trip: Duration) -> Self {
        let mut tasks = JoinSet::new();
        for (front, back) in fronts.iter().zip(backs) {
            let socket = UdpSocket::bind(front).await.expect("the address of a relay");
            tasks.spawn(relay(Arc::new(socket), *back, trip / 2));
        }
        Self(tasks)
    }
}

/// Takes datagrams of any number of senders, each of which gets a socket towards the accumulator.
async fn relay(front: Arc<UdpSocket>, back: SocketAddr, delay: Duration) {
    let mut senders: HashMap<SocketAddr, mpsc::UnboundedSender<Held>> = HashMap::new();
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let Ok((length, from)) = front.recv_from(&mut buffer).await else { continue };
        let held = (Instant::now() + delay, buffer[..length].to_vec());
        let sender = match senders.entry(from) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let socket = UdpSocket::bind((back.ip(), 0)).await.expect("a socket of a relay");
                socket.connect(back).await.expect("a socket of a relay");
                let socket = Arc::new(socket);
                let (sender, there) = mpsc::unbounded_channel();
                let (returning, back_again) = mpsc::unbounded_channel();
                tasks.spawn(deliver(there, Arc::clone(&socket), None));
                tasks.spawn(listen(socket, returning, delay));
                tasks.spawn(deliver(back_again, Arc::clone(&front), Some(from)));
                place.insert(sender)
            }
        };
        // The task that delivers lives as long as this one.
        let _ = sender.send(held);
    }
}

async fn listen(socket: Arc<UdpSocket>, to: mpsc::UnboundedSender<Held>, delay: Duration) {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        // An error says that nobody listens there at the moment.
        let Ok(length) = socket.recv(&mut buffer).await else { continue };
        let _ = to.send((Instant::now() + delay, buffer[..length].to_vec()));
    }
}

async fn deliver(
    mut held: mpsc::UnboundedReceiver<Held>,
    socket: Arc<UdpSocket>,
    to: Option<SocketAddr>,
) {
    while let Some((due, datagram)) = held.recv().await {
        sleep_until(due).await;
        // What the system cannot take is lost, as on any link.
        let _ = match to {
            Some(to) => socket.send_to(&datagram, to).await,
            None => socket.send(&datagram).await,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn datagrams_go_there_and_back_in_order_and_late() {
        let back = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let free = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let trip = Duration::from_millis(20);
        let _relays = Relays::start(&[free], &[back.local_addr().unwrap()], trip).await;
        let sender = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let begun = Instant::now();
        for byte in [1, 2, 3] {
            sender.send_to(&[byte], free).await.unwrap();
        }
        let mut buffer = [0; 9];
        for byte in [1, 2, 3] {
            let (length, from) = back.recv_from(&mut buffer).await.unwrap();
            assert_eq!(buffer[..length], [byte]);
            back.send_to(&[byte + 10], from).await.unwrap();
        }
        for byte in [11, 12, 13] {
            let (length, from) = sender.recv_from(&mut buffer).await.unwrap();
            assert_eq!((&buffer[..length], from), (&[byte][..], free));
        }
        // It never comes early; how late it comes is the machine's affair.
        assert!(begun.elapsed() >= trip);
    }
}
