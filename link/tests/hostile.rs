//! Peers that do not keep to the protocol: everything here speaks raw QUIC or raw UDP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod echo;
mod raw;

use std::{net::UdpSocket, time::Duration};

use echo::{Answer, FRIEND, Node, PATIENCE, Question, STRANGER, STRANGER_BYTES, asker};
use link::{Code, Identity, Limits, LinkError};
use quinn::{ReadToEndError, VarInt};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use raw::{Raw, Shown, impostor_server};
use rustls::AlertDescription;

async fn still_answers(node: &Node) {
    let connection = asker(&FRIEND).connect(node.addr, node.key, PATIENCE).await.unwrap();
    let answer = connection.request::<_, Answer>(&Question::WhoAmI, PATIENCE).await.unwrap();
    assert_eq!(answer, Answer::You(Identity::from_seed(&FRIEND).public()));
}

/// The TLS alert with which the node breaks off a handshake with `raw`, if it does.
async fn refusal(node: &Node, raw: Raw) -> Option<AlertDescription> {
    let lost = match raw.connect(node.addr).await {
        Err(lost) => lost,
        // The client may be through before the node has seen his key.
        Ok(connection) => match question(&connection, &WHO_AM_I, true).await {
            Ok(_) => return None,
            Err(_) => connection.closed().await,
        },
    };
    let quinn::ConnectionError::ConnectionClosed(close) = lost else { panic!("{lost}") };
    // RFC 9001 section 4.8.
    let alert = u64::from(close.error_code).checked_sub(0x100).unwrap();
    Some(u8::try_from(alert).unwrap().into())
}

const WHO_AM_I: [u8; 8] = [4, 0, 0, 0, 1, 0, 0, 0];

/// Sends bytes on a stream of its own and returns the answer or how the stream was refused.
async fn question(
    connection: &quinn::Connection,
    bytes: &[u8],
    finish: bool,
) -> Result<Vec<u8>, ReadToEndError> {
    let (mut send, mut receive) = connection
        .open_bi()
        .await
        .map_err(|lost| ReadToEndError::Read(quinn::ReadError::ConnectionLost(lost)))?;
    // The node may have refused already.
    let _ = send.write_all(bytes).await;
    if finish {
        let _ = send.finish();
    }
    receive.read_to_end(1 << 20).await
}

fn refused(code: Code) -> Result<Vec<u8>, ReadToEndError> {
    Err(ReadToEndError::Read(quinn::ReadError::Reset(VarInt::from(code))))
}

#[tokio::test]
async fn only_the_whole_handshake_is_taken() {
    let node = Node::start(Limits::default());
    let refusal = async |raw: Raw| refusal(&node, raw).await.expect("refused in the handshake");
    assert_eq!(self::refusal(&node, Raw::honest()).await, None, "or the rest means nothing");

    let alert = AlertDescription::NoApplicationProtocol;
    let alpn = vec![b"gavel/2".to_vec()];
    assert_eq!(refusal(Raw { alpn, ..Raw::honest() }).await, alert);
    assert_eq!(refusal(Raw { alpn: vec![], ..Raw::honest() }).await, alert);

    let alert = AlertDescription::HandshakeFailure;
    let groups = vec![rustls::crypto::aws_lc_rs::kx_group::X25519];
    assert_eq!(refusal(Raw { groups, ..Raw::honest() }).await, alert);
    assert_eq!(refusal(Raw { key: Shown::Nothing, ..Raw::honest() }).await, alert);

    let alert = AlertDescription::CertificateRequired;
    assert_eq!(refusal(Raw { key: Shown::Withheld, ..Raw::honest() }).await, alert);

    // Somebody else's key, which he cannot sign with.
    let public = Identity::from_seed(&FRIEND).public().0;
    let key = Shown::Key { public, seed: STRANGER };
    assert_eq!(refusal(Raw { key, ..Raw::honest() }).await, AlertDescription::DecryptError);
    let key = Shown::Neutral;
    assert_eq!(refusal(Raw { key, ..Raw::honest() }).await, AlertDescription::CertificateUnknown);

    assert_eq!(node.endpoint.counters().connections_accepted, 1);
    still_answers(&node).await;
}

#[tokio::test]
async fn a_server_that_shows_the_pinned_key_must_hold_it() {
    let pinned = Identity::from_seed(&FRIEND).public();
    for (signing_seed, groups, taken) in [
        (FRIEND, raw::hybrid(), true),
        (STRANGER, raw::hybrid(), false),
        (FRIEND, vec![rustls::crypto::aws_lc_rs::kx_group::X25519], false),
    ] {
        let (server, addr) = impostor_server(pinned.0, signing_seed, groups);
        let accepting = tokio::spawn(async move {
            while let Some(incoming) = server.accept().await {
                if let Ok(connection) = incoming.await {
                    connection.closed().await;
                }
            }
        });
        let connected = asker(&STRANGER).connect(addr, pinned, PATIENCE).await;
        match connected {
            Ok(_) => assert!(taken),
            Err(error) => {
                assert!(!taken, "{error}");
                assert!(matches!(error, LinkError::Handshake { .. }), "{error}");
            }
        }
        accepting.abort();
    }
}

#[tokio::test]
async fn sessions_are_never_resumed() {
    let node = Node::start(Limits::default());
    let raw = Raw::honest().endpoint();
    for _ in 0..3 {
        let connecting = raw.connect(node.addr, "gavel").unwrap();
        let connecting = connecting.into_0rtt().map(|_| "early data").unwrap_err();
        let connection = connecting.await.unwrap();
        question(&connection, &WHO_AM_I, true).await.unwrap();
    }
}

#[tokio::test]
async fn bad_frames_are_refused_and_the_connection_stays() {
    let node = Node::start(Limits { max_refused_questions: 100, ..Limits::default() });
    let connection = Raw::honest().connect(node.addr).await.unwrap();
    // Too long: refused at the fourth byte, though nothing more ever comes.
    for length in [STRANGER_BYTES as u32 + 1, 1 << 30, u32::MAX] {
        let answer = question(&connection, &length.to_le_bytes(), false).await;
        assert_eq!(answer, refused(Code::TooLong));
    }
    let trailing = [WHO_AM_I.as_slice(), &[0]].concat();
    assert_eq!(question(&connection, &trailing, false).await, refused(Code::Malformed));
    for end in 0..WHO_AM_I.len() {
        let cut = question(&connection, &WHO_AM_I[..end], true).await;
        // A stream without a byte never reaches the node before its end does.
        assert_eq!(cut, refused(Code::Malformed), "{end}");
    }
    // A vector that says it has 2^60 elements.
    let hostile = [&[12, 0, 0, 0, 0, 0, 0, 0], (1u64 << 60).to_le_bytes().as_slice()].concat();
    assert_eq!(question(&connection, &hostile, true).await, refused(Code::Malformed));
    assert_eq!(node.endpoint.counters().questions_refused, 13);
    assert!(question(&connection, &WHO_AM_I, true).await.is_ok());
}

#[tokio::test]
async fn a_question_that_trickles_is_dropped_at_its_deadline() {
    let question_timeout = Duration::from_millis(200);
    let node = Node::start(Limits { question_timeout, ..Limits::default() });
    let connection = Raw::honest().connect(node.addr).await.unwrap();
    for sent in [&WHO_AM_I[..2], &WHO_AM_I[..6], &WHO_AM_I] {
        let answer = question(&connection, sent, false).await;
        assert_eq!(answer, refused(Code::QuestionTimedOut));
    }
    let (mut send, mut receive) = connection.open_bi().await.unwrap();
    send.write_all(&4000u32.to_le_bytes()).await.unwrap();
    // A byte now and then buys no time.
    while send.write_all(&[0]).await.is_ok() {
        tokio::time::sleep(question_timeout / 10).await;
    }
    assert_eq!(receive.read_to_end(9).await, refused(Code::QuestionTimedOut));
    assert!(question(&connection, &WHO_AM_I, true).await.is_ok());
}

#[tokio::test]
async fn random_streams_end_in_a_closed_connection() {
    let mut rng = StdRng::seed_from_u64(7);
    let node = Node::start(Limits { max_refused_questions: 20, ..Limits::default() });
    let connection = Raw::honest().connect(node.addr).await.unwrap();
    let mut streams = 0;
    while connection.close_reason().is_none() {
        let mut bytes = vec![0; rng.random_range(0..3000)];
        rng.fill(bytes.as_mut_slice());
        assert!(question(&connection, &bytes, true).await.is_err());
        streams += 1;
        assert!(streams < 1000, "the connection is never closed");
    }
    let Some(quinn::ConnectionError::ApplicationClosed(close)) = connection.close_reason() else {
        panic!("{:?}", connection.close_reason());
    };
    assert_eq!(Code::from(close.error_code), Code::TooManyRefused);
    assert!(node.endpoint.counters().questions_refused >= 21);
    still_answers(&node).await;
}

#[tokio::test]
async fn unidirectional_streams_and_datagrams_are_not_offered() {
    let node = Node::start(Limits::default());
    let connection = Raw::honest().connect(node.addr).await.unwrap();
    assert_eq!(connection.max_datagram_size(), None);
    let uni = tokio::time::timeout(Duration::from_millis(200), connection.open_uni()).await;
    assert!(uni.is_err());
}

#[tokio::test]
async fn random_datagrams_do_no_harm() {
    let mut rng = StdRng::seed_from_u64(8);
    let node = Node::start(Limits::default());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for round in 0..3000u32 {
        let mut bytes = vec![0; rng.random_range(0..1500)];
        rng.fill(bytes.as_mut_slice());
        // Every other one looks like the start of a QUIC version 1 connection.
        if round % 2 == 0 {
            for (to, from) in bytes.iter_mut().zip([0xc3, 0, 0, 0, 1, 8]) {
                *to = from;
            }
        }
        socket.send_to(&bytes, node.addr).unwrap();
        if round % 100 == 0 {
            tokio::task::yield_now().await;
        }
    }
    still_answers(&node).await;
}

/// Questions of the longest that is allowed, side by side: those that find no room are refused at
/// once and may come again, and nobody is sent away for them.
#[tokio::test]
async fn questions_under_way_take_no_more_than_their_room() {
    let limits = Limits {
        connection_bytes: 3 * STRANGER_BYTES,
        // The three that are cut short at the end are counted, the others are not.
        max_refused_questions: 3,
        ..Limits::default()
    };
    let node = Node::start(limits);
    let connection = Raw::honest().connect(node.addr).await.unwrap();
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (mut send, mut receive) = connection.open_bi().await.unwrap();
        // Announced, and nothing of it comes.
        send.write_all(&(STRANGER_BYTES as u32).to_le_bytes()).await.unwrap();
        asked.spawn(async move {
            let answer = receive.read_to_end(10).await;
            drop(send);
            answer
        });
    }
    for _ in 0..5 {
        assert_eq!(asked.join_next().await.unwrap().unwrap(), refused(Code::NoRoom));
    }
    assert_eq!(asked.len(), 3);
    assert_eq!(question(&connection, &WHO_AM_I, true).await, refused(Code::NoRoom));
    // Given up, they leave their room to others.
    asked.shutdown().await;
    let mut left = 10_000;
    while question(&connection, &WHO_AM_I, true).await.is_err() {
        assert_eq!(connection.close_reason(), None);
        left -= 1;
        assert!(left > 0, "the room stays taken");
    }
}

/// The same of answers that nobody takes, and of all strangers of one address together.
#[tokio::test]
async fn answers_that_nobody_takes_leave_room_for_others() {
    let limits = Limits {
        connection_bytes: 6 << 20,
        bytes_per_ip: 10 << 20,
        send_timeout: PATIENCE,
        ..Limits::default()
    };
    let node = Node::start(limits);
    // Two MiB, a little less for the questions; more than what the peer's window takes in unread.
    let zeros = auction::wire::encode(&Question::Zeros((2 << 20) - 100)).unwrap();
    let zeros = [&(zeros.len() as u32).to_le_bytes()[..], &zeros].concat();
    let mut connections = Vec::new();
    let mut refused = 0;
    for _ in 0..3 {
        let connection = Raw::honest().connect(node.addr).await.unwrap();
        for _ in 0..4 {
            let (mut send, receive) = connection.open_bi().await.unwrap();
            send.write_all(&zeros).await.unwrap();
            send.finish().unwrap();
            connections.push((connection.clone(), send, receive));
        }
    }
    // Of four answers of each connection three have room, and five of all.
    for (_, _, receive) in &mut connections {
        let mut byte = [0; 1];
        match receive.read(&mut byte).await {
            Ok(_) => {}
            Err(quinn::ReadError::Reset(code)) if code == VarInt::from(Code::NoRoom) => {
                refused += 1
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(refused, 7);
    drop(connections);
    still_answers(&node).await;
}
