//! A network that loses, doubles, delays, reorders, replays and alters datagrams, in both
//! directions, between any number of clients and one server.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::bytes::mutate;

/// Longest datagram.
const DATAGRAM: usize = 65_536;
/// How often a thread looks whether it shall end.
const LOOK: Duration = Duration::from_millis(50);
/// What becomes of so many of a hundred datagrams; the others arrive once, at once, as they are.
const LOST: u32 = 4;
const DOUBLED: u32 = 8;
const DELAYED: u32 = 10;
const REPLAYED: u32 = 6;
const ALTERED: u32 = 8;

/// How often each mishap has befallen a datagram.
#[derive(Debug, Default)]
pub struct Mishaps {
    lost: AtomicU64,
    doubled: AtomicU64,
    delayed: AtomicU64,
    replayed: AtomicU64,
    altered: AtomicU64,
}

impl Mishaps {
    /// The fewest times that one of them has happened.
    #[must_use]
    pub fn least(&self) -> u64 {
        let all = [&self.lost, &self.doubled, &self.delayed, &self.replayed, &self.altered];
        all.map(|count| count.load(Ordering::Relaxed)).into_iter().min().unwrap_or(0)
    }
}

/// The network before one server. Ends when dropped.
pub struct BadNetwork {
    address: SocketAddr,
    end: Arc<AtomicBool>,
    mishaps: Arc<Mishaps>,
    threads: Vec<JoinHandle<()>>,
}

/// A datagram that is to be sent, and from where to whom.
struct Due {
    socket: Arc<UdpSocket>,
    to: SocketAddr,
    bytes: Vec<u8>,
}

/// One direction of one client.
struct Direction {
    rng: Mutex<StdRng>,
    mishaps: Arc<Mishaps>,
    later: Sender<(Instant, Due)>,
}

impl Direction {
    /// Sends a datagram, with whatever befalls it.
    fn pass(&self, socket: &Arc<UdpSocket>, to: SocketAddr, bytes: &[u8]) {
        let mut rng = self.rng.lock().unwrap();
        let again = |delay: u64, bytes: Vec<u8>| {
            let due = Due { socket: Arc::clone(socket), to, bytes };
            // Whoever sends later has ended when the network has.
            let _ = self.later.send((Instant::now() + Duration::from_millis(delay), due));
        };
        let count = |mishap: &AtomicU64| {
            mishap.fetch_add(1, Ordering::Relaxed);
        };
        let mut at_once = true;
        match rng.random_range(0..100) {
            n if n < LOST => {
                at_once = false;
                count(&self.mishaps.lost);
            }
            n if n < LOST + DOUBLED => {
                again(0, bytes.to_vec());
                count(&self.mishaps.doubled);
            }
            n if n < LOST + DOUBLED + DELAYED => {
                at_once = false;
                again(rng.random_range(1..40), bytes.to_vec());
                count(&self.mishaps.delayed);
            }
            n if n < LOST + DOUBLED + DELAYED + REPLAYED => {
                again(rng.random_range(300..3_000), bytes.to_vec());
                count(&self.mishaps.replayed);
            }
            n if n < LOST + DOUBLED + DELAYED + REPLAYED + ALTERED => {
                let mut copy = bytes.to_vec();
                mutate(&mut *rng, &mut copy);
                // Too long for a datagram, it is lost, as others are.
                let _ = socket.send_to(&copy, to);
                count(&self.mishaps.altered);
            }
            _ => {}
        }
        if at_once {
            let _ = socket.send_to(bytes, to);
        }
    }
}

impl BadNetwork {
    /// The network before the server at `target`.
    ///
    /// # Panics
    /// When there is no socket.
    #[must_use]
    pub fn before(target: SocketAddr, rng: &mut StdRng) -> Self {
        let front = Arc::new(socket());
        let address = front.local_addr().unwrap();
        let (end, mishaps) = (Arc::new(AtomicBool::new(false)), Arc::new(Mishaps::default()));
        let (later, due) = channel();
        let mut threads = vec![{
            let end = Arc::clone(&end);
            std::thread::spawn(move || send_later(&due, &end))
        }];
        let direction = |seed| Direction {
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
            mishaps: Arc::clone(&mishaps),
            later: later.clone(),
        };
        let (there, back) = (direction(rng.random()), Arc::new(direction(rng.random())));
        let ending = Arc::clone(&end);
        threads.push(std::thread::spawn(move || go_there(&front, target, &there, &back, &ending)));
        Self { address, end, mishaps, threads }
    }

    /// Where clients find it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has happened so far.
    #[must_use]
    pub fn mishaps(&self) -> &Mishaps {
        &self.mishaps
    }
}

impl Drop for BadNetwork {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(LOOK)).unwrap();
    socket
}

/// What clients send to the server; each has a socket of its own there.
fn go_there(
    front: &Arc<UdpSocket>,
    target: SocketAddr,
    there: &Direction,
    back: &Arc<Direction>,
    end: &Arc<AtomicBool>,
) {
    let mut ways: HashMap<SocketAddr, (Arc<UdpSocket>, JoinHandle<()>)> = HashMap::new();
    let mut buffer = vec![0; DATAGRAM];
    while !end.load(Ordering::Relaxed) {
        let Ok((length, client)) = front.recv_from(&mut buffer) else { continue };
        let (way, _) = ways.entry(client).or_insert_with(|| {
            let way = Arc::new(socket());
            let (from, to) = (Arc::clone(&way), Arc::clone(front));
            let (back, end) = (Arc::clone(back), Arc::clone(end));
            (way, std::thread::spawn(move || come_back(&from, &to, client, &back, &end)))
        });
        there.pass(way, target, &buffer[..length]);
    }
    for (_, thread) in ways.into_values() {
        let _ = thread.join();
    }
}

/// What the server sends to one client.
fn come_back(
    way: &UdpSocket,
    front: &Arc<UdpSocket>,
    client: SocketAddr,
    back: &Direction,
    end: &AtomicBool,
) {
    let mut buffer = vec![0; DATAGRAM];
    while !end.load(Ordering::Relaxed) {
        let Ok(length) = way.recv(&mut buffer) else { continue };
        back.pass(front, client, &buffer[..length]);
    }
}

/// Sends each datagram when it is due.
fn send_later(due: &Receiver<(Instant, Due)>, end: &AtomicBool) {
    let mut waiting: HashMap<u64, Due> = HashMap::new();
    let mut order: BinaryHeap<Reverse<(Instant, u64)>> = BinaryHeap::new();
    let mut number = 0;
    while !end.load(Ordering::Relaxed) {
        let now = Instant::now();
        while order.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Some(Reverse((_, which))) = order.pop() else { break };
            let Due { socket, to, bytes } = waiting.remove(&which).unwrap();
            let _ = socket.send_to(&bytes, to);
        }
        let until = order.peek().map_or(LOOK, |next| next.0.0.saturating_duration_since(now));
        match due.recv_timeout(until.min(LOOK)) {
            Ok((at, datagram)) => {
                number += 1;
                order.push(Reverse((at, number)));
                waiting.insert(number, datagram);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mishap_happens_and_most_datagrams_arrive() {
        let server = socket();
        let mut rng = StdRng::seed_from_u64(5);
        let network = BadNetwork::before(server.local_addr().unwrap(), &mut rng);
        let client = socket();
        client.connect(network.address()).unwrap();
        let mut buffer = vec![0; DATAGRAM];
        let (mut whole, mut other) = (0, 0);
        for n in 0..600u32 {
            let sent = [n.to_le_bytes(), n.to_le_bytes()].concat();
            client.send(&sent).unwrap();
            std::thread::sleep(Duration::from_micros(200));
            if n % 50 == 49 {
                while let Ok((length, from)) = server.recv_from(&mut buffer) {
                    if length == 8 && buffer[..4] == buffer[4..8] {
                        whole += 1
                    } else {
                        other += 1
                    }
                    server.send_to(b"answer", from).unwrap();
                }
            }
        }
        assert!(network.mishaps().least() > 10, "{:?}", network.mishaps());
        assert!(whole > 550 && other > 10, "{whole} and {other}");
        assert!(client.recv(&mut buffer).is_ok());
    }
}
