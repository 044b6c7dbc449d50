//! A hostile network: passes datagrams on, each with altered copies of it.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::bytes::mutate;

/// Longest datagram.
const DATAGRAM: usize = 65_536;
/// How often a direction looks whether it shall end.
const LOOK: Duration = Duration::from_millis(50);

/// Between one client and an accumulator. Ends when dropped.
pub struct Proxy {
    address: SocketAddr,
    end: Arc<AtomicBool>,
    altered: Arc<AtomicU64>,
    directions: Vec<JoinHandle<()>>,
}

impl Proxy {
    /// Passes datagrams on to `target`, as they are and, beside that, altered.
    ///
    /// # Panics
    /// When there is no socket.
    #[must_use]
    pub fn start(target: SocketAddr, mut rng: StdRng) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").unwrap();
        let back = UdpSocket::bind("127.0.0.1:0").unwrap();
        back.connect(target).unwrap();
        for socket in [&front, &back] {
            socket.set_read_timeout(Some(LOOK)).unwrap();
        }
        let address = front.local_addr().unwrap();
        let (end, altered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let client = Arc::new(std::sync::Mutex::new(None));
        let there = {
            let (front, back) = (front.try_clone().unwrap(), back.try_clone().unwrap());
            let (end, altered, client) = (end.clone(), altered.clone(), client.clone());
            std::thread::spawn(move || {
                let mut buffer = vec![0; DATAGRAM];
                while !end.load(Ordering::Relaxed) {
                    let Ok((length, from)) = front.recv_from(&mut buffer) else { continue };
                    *client.lock().unwrap() = Some(from);
                    for _ in 0..rng.random_range(0..4) {
                        let mut copy = buffer[..length].to_vec();
                        mutate(&mut rng, &mut copy);
                        // A copy that is too long for a datagram is lost, as others are.
                        let _ = back.send(&copy);
                        altered.fetch_add(1, Ordering::Relaxed);
                    }
                    let _ = back.send(&buffer[..length]);
                }
            })
        };
        let returning = {
            let end = end.clone();
            std::thread::spawn(move || {
                let mut buffer = vec![0; DATAGRAM];
                while !end.load(Ordering::Relaxed) {
                    let Ok(length) = back.recv(&mut buffer) else { continue };
                    let client = *client.lock().unwrap();
                    if let Some(client) = client {
                        let _ = front.send_to(&buffer[..length], client);
                    }
                }
            })
        };
        Self { address, end, altered, directions: vec![there, returning] }
    }

    /// Where the client finds it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Altered datagrams sent so far.
    #[must_use]
    pub fn altered(&self) -> u64 {
        self.altered.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        self.directions.drain(..).for_each(|direction| {
            let _ = direction.join();
        });
    }
}
