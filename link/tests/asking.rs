//! Honest askers and nodes that come and go.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod echo;

use std::sync::atomic::Ordering;
use std::time::Duration;

use echo::{Answer, FELLOW, FRIEND, Node, PATIENCE, Question, STRANGER, STRANGER_BYTES, asker};
use link::{Code, Connection, Identity, Limits, LinkError, Peer, PeerKey, Phase};
use tokio::task::JoinSet;

async fn ask(connection: &Connection, question: &Question) -> Result<Answer, LinkError> {
    connection.request(question, PATIENCE).await
}

async fn connect(node: &Node, seed: &[u8; 32]) -> Connection {
    asker(seed).connect(node.addr, node.key, PATIENCE).await.unwrap()
}

#[tokio::test]
async fn questions_are_answered_and_counted() {
    let node = Node::start(Limits::default());
    let endpoint = asker(&STRANGER);
    let connection = endpoint.connect(node.addr, node.key, PATIENCE).await.unwrap();
    assert_eq!(connection.peer(), node.key);

    let me = Identity::from_seed(&STRANGER).public();
    assert_eq!(ask(&connection, &Question::WhoAmI).await.unwrap(), Answer::You(me));
    // Length 4, variant 4; and 32 bytes of key in the answer.
    assert_eq!((connection.bytes_sent(), connection.bytes_received()), (8, 40));

    let bytes = vec![9; 1000];
    let answer = ask(&connection, &Question::Echo(bytes.clone())).await.unwrap();
    assert_eq!(answer, Answer::Bytes(bytes));
    // Length 4, variant 4, length 8.
    assert_eq!((connection.bytes_sent(), connection.bytes_received()), (1024, 1056));
    assert_eq!((endpoint.bytes_sent(), endpoint.bytes_received()), (1024, 1056));
    assert_eq!((node.endpoint.bytes_sent(), node.endpoint.bytes_received()), (1056, 1024));
    assert_eq!(node.endpoint.counters().connections_accepted, 1);

    assert!(!connection.is_closed());
    connection.close();
    assert!(connection.is_closed());
    assert!(matches!(ask(&connection, &Question::WhoAmI).await, Err(LinkError::Closed)));
}

#[tokio::test]
async fn a_wrong_pin_is_refused() {
    let node = Node::start(Limits::default());
    let expected = Identity::from_seed(&STRANGER).public();
    let error = asker(&FRIEND).connect(node.addr, expected, PATIENCE).await.unwrap_err();
    let LinkError::WrongIdentity { got, expected: wanted, addr } = error else { panic!("{error}") };
    assert_eq!((got, wanted, addr), (node.key, expected, node.addr));

    let peer = Peer::new(asker(&FRIEND), node.addr.to_string(), expected);
    let error = peer.request::<_, Answer>(&Question::WhoAmI, PATIENCE).await.unwrap_err();
    assert!(matches!(error, LinkError::WrongIdentity { .. }), "{error}");
}

#[tokio::test]
async fn many_questions_run_side_by_side() {
    let node = Node::start(Limits { max_streams_per_connection: 16, ..Limits::default() });
    let connection = connect(&node, &FRIEND).await;
    // One that does not end holds up nobody.
    let waiting = tokio::spawn({
        let connection = connection.clone();
        async move { ask(&connection, &Question::Wait).await }
    });
    node.echo.waiting.notified().await;

    let mut asked = JoinSet::new();
    for number in 0..100u8 {
        let connection = connection.clone();
        asked.spawn(async move {
            let question = vec![number; usize::from(number) * 300];
            let answer = ask(&connection, &Question::Echo(question.clone())).await;
            assert_eq!(answer.unwrap(), Answer::Bytes(question));
        });
    }
    assert_eq!(asked.join_all().await.len(), 100);
    node.echo.go_on.notify_one();
    assert_eq!(waiting.await.unwrap().unwrap(), Answer::Waited);
}

#[tokio::test]
async fn who_comes_to_be_trusted_may_ask_more_at_a_time() {
    let node = Node::start(Limits { max_streams_per_connection: 2, ..Limits::default() });
    let connection = connect(&node, &FELLOW).await;
    let mut waiting = JoinSet::new();
    let mut wait = async || {
        let connection = connection.clone();
        waiting.spawn(async move { ask(&connection, &Question::Wait).await });
        node.echo.waiting.notified().await;
    };
    wait().await;
    node.echo.trusts.store(true, Ordering::Relaxed);
    // With this question the node sees that it trusts the asker, who from then on has room for
    // five more that wait, and for one that does not.
    assert!(ask(&connection, &Question::WhoAmI).await.is_ok());
    for _ in 0..5 {
        wait().await;
    }
    assert!(ask(&connection, &Question::WhoAmI).await.is_ok());
}

#[tokio::test]
async fn frames_far_longer_than_the_windows_pass() {
    let node = Node::start(Limits::default());
    let connection = connect(&node, &FRIEND).await;
    let bytes: Vec<u8> = (0..5_000_000u32).map(|index| index as u8).collect();
    let answer = ask(&connection, &Question::Echo(bytes.clone())).await.unwrap();
    assert!(answer == Answer::Bytes(bytes));
}

#[tokio::test]
async fn lengths_are_limited_on_both_sides() {
    let node = Node::start(Limits { max_answer_bytes: 10_000, ..Limits::default() });
    let stranger = connect(&node, &STRANGER).await;
    let fits = Question::Echo(vec![0; STRANGER_BYTES - 12]);
    assert!(ask(&stranger, &fits).await.is_ok());
    let longer = Question::Echo(vec![0; STRANGER_BYTES - 11]);
    let error = ask(&stranger, &longer).await.unwrap_err();
    assert!(matches!(error, LinkError::Refused { code: Code::TooLong, .. }), "{error}");
    let friend = connect(&node, &FRIEND).await;
    assert!(ask(&friend, &longer).await.is_ok());

    let error = ask(&friend, &Question::Zeros(10_000)).await.unwrap_err();
    assert!(matches!(error, LinkError::Refused { code: Code::AnswerTooLong, .. }), "{error}");

    let limits = Limits { max_question_bytes: 100, max_answer_bytes: 100, ..Limits::default() };
    let tight = link::Endpoint::client(&Identity::from_seed(&FRIEND), limits).unwrap();
    let tight = tight.connect(node.addr, node.key, PATIENCE).await.unwrap();
    let error = ask(&tight, &Question::Echo(vec![0; 100])).await.unwrap_err();
    assert!(matches!(error, LinkError::BadQuestion { .. }), "{error}");
    let error = ask(&tight, &Question::Zeros(100)).await.unwrap_err();
    assert!(matches!(error, LinkError::BadFrame { .. }), "{error}");
    assert!(ask(&tight, &Question::WhoAmI).await.is_ok());
}

/// Longer than all windows: whoever sends it has no more room when the refusal comes.
#[tokio::test]
async fn a_question_that_is_far_too_long_is_refused_at_once() {
    let node = Node::start(Limits { max_refused_questions: 100, ..Limits::default() });
    let stranger = connect(&node, &STRANGER).await;
    let all_refused = async {
        for length in [1 << 20, 3 << 20, 12 << 20, 1 << 20, 3 << 20, 12 << 20] {
            let error = ask(&stranger, &Question::Echo(vec![0; length])).await.unwrap_err();
            assert!(matches!(error, LinkError::Refused { code: Code::TooLong, .. }), "{error}");
        }
    };
    // One that waited for its deadline would leave no time for the others.
    tokio::time::timeout(PATIENCE, all_refused).await.unwrap();
    assert!(ask(&stranger, &Question::WhoAmI).await.is_ok());
}

/// The same of an answer: an asker who gives it up, with no more room for it, frees its place.
#[tokio::test]
async fn an_answer_that_nobody_wants_any_more_takes_no_place() {
    let limits = Limits { max_streams_per_connection: 1, ..Limits::default() };
    let node = Node::start(limits);
    let connection = connect(&node, &STRANGER).await;
    for _ in 0..3 {
        let given_up = connection.request::<_, Answer>(&Question::Zeros(30 << 20), GIVEN_UP).await;
        assert!(matches!(given_up, Err(LinkError::TimedOut { .. })));
        assert!(ask(&connection, &Question::WhoAmI).await.is_ok());
    }
}

const GIVEN_UP: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_wrong_type_is_said_to_be_one() {
    let node = Node::start(Limits::default());
    let connection = connect(&node, &FRIEND).await;
    let error = connection.request::<_, Answer>(&77u32, PATIENCE).await.unwrap_err();
    assert!(matches!(error, LinkError::Refused { code: Code::Malformed, .. }), "{error}");
    let error = connection.request::<_, u64>(&Question::WhoAmI, PATIENCE).await.unwrap_err();
    assert!(matches!(error, LinkError::BadAnswer { .. }), "{error}");
}

#[tokio::test]
async fn deadlines_hold_on_both_sides() {
    let short = Duration::from_millis(200);
    let node = Node::start(Limits { answer_timeout: PATIENCE, ..Limits::default() });
    let connection = connect(&node, &STRANGER).await;
    let error = connection.request::<_, Answer>(&Question::Never, short).await.unwrap_err();
    let phase = Phase::AwaitingAnswer;
    assert!(
        matches!(error, LinkError::TimedOut { phase: p, after } if p == phase && after == short)
    );

    let node = Node::start(Limits { answer_timeout: short, ..Limits::default() });
    let connection = connect(&node, &STRANGER).await;
    let error = ask(&connection, &Question::Never).await.unwrap_err();
    assert!(matches!(error, LinkError::Refused { code: Code::AnswerTimedOut, .. }), "{error}");
    assert!(ask(&connection, &Question::WhoAmI).await.is_ok());
}

#[tokio::test]
async fn a_question_given_up_half_way_does_not_count_as_malformed() {
    let limits = Limits { max_refused_questions: 0, ..Limits::default() };
    let node = Node::start(limits);
    let connection = connect(&node, &FRIEND).await;
    // Longer than the windows, so that the deadline cuts it.
    let long = Question::Echo(vec![0; 12 << 20]);
    for _ in 0..3 {
        let given_up = connection.request::<_, Answer>(&long, Duration::from_millis(5)).await;
        assert!(matches!(given_up, Err(LinkError::TimedOut { .. })));
    }
    assert!(ask(&connection, &Question::WhoAmI).await.is_ok());
    assert_eq!(node.endpoint.counters().questions_refused, 0);
}

#[tokio::test]
async fn a_panicking_handler_costs_one_answer() {
    let node = Node::start(Limits::default());
    let connection = connect(&node, &FRIEND).await;
    assert!(ask(&connection, &Question::Panic).await.is_err());
    assert!(ask(&connection, &Question::WhoAmI).await.is_ok());
}

#[tokio::test]
async fn nobody_answers_at_a_dead_address() {
    let dead = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = dead.local_addr().unwrap();
    let short = Duration::from_millis(300);
    let error = asker(&FRIEND).connect(addr, PeerKey([9; 32]), short).await.unwrap_err();
    assert!(matches!(error, LinkError::Unreachable { .. }), "{error}");
    let peer = Peer::new(asker(&FRIEND), "nowhere.invalid:1", PeerKey([9; 32]));
    let error = peer.request::<_, Answer>(&Question::WhoAmI, short).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn connections_are_capped_and_come_free_again() {
    let node = Node::start(Limits { max_connections_per_ip: 2, ..Limits::default() });
    let first = connect(&node, &STRANGER).await;
    // Beyond half the cap, so by way of a proven address.
    let second = connect(&node, &FRIEND).await;
    let error = asker(&FRIEND).connect(node.addr, node.key, PATIENCE).await.unwrap_err();
    assert!(matches!(error, LinkError::Busy { .. }), "{error}");
    assert_eq!(node.endpoint.counters().connections_refused, 1);
    assert!(ask(&first, &Question::WhoAmI).await.is_ok());
    assert!(ask(&second, &Question::WhoAmI).await.is_ok());

    first.close();
    let peer = Peer::new(asker(&FRIEND), node.addr.to_string(), node.key);
    let answer = peer.request::<_, Answer>(&Question::WhoAmI, PATIENCE).await;
    assert!(answer.is_ok());
}

#[tokio::test]
async fn shutdown_lets_answers_finish() {
    let node = Node::start(Limits::default());
    let connection = connect(&node, &FRIEND).await;
    let waiting = tokio::spawn({
        let connection = connection.clone();
        async move { ask(&connection, &Question::Wait).await }
    });
    node.echo.waiting.notified().await;
    let (addr, key, echo) = (node.addr, node.key, node.echo.clone());
    let stopped = node.stop();
    // Refused until the answer is out, and unanswered after that.
    let late = loop {
        match asker(&FRIEND).connect(addr, key, PATIENCE).await {
            // Taken before the node heard of its shutdown.
            Ok(_) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert!(matches!(late, LinkError::Busy { .. }), "{late}");
    assert!(!waiting.is_finished() && !stopped.is_finished());
    echo.go_on.notify_one();
    assert_eq!(waiting.await.unwrap().unwrap(), Answer::Waited);
    stopped.await.unwrap().unwrap();
    let error = ask(&connection, &Question::WhoAmI).await.unwrap_err();
    assert!(matches!(error, LinkError::PeerClosed { code: Code::ShuttingDown, .. }), "{error}");
}

#[tokio::test]
async fn shutdown_does_not_wait_for_ever() {
    let drain_timeout = Duration::from_millis(100);
    let node = Node::start(Limits { drain_timeout, ..Limits::default() });
    let connection = connect(&node, &FRIEND).await;
    let echo = node.echo.clone();
    let waiting = tokio::spawn(async move { ask(&connection, &Question::Wait).await });
    echo.waiting.notified().await;
    node.stop().await.unwrap().unwrap();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, LinkError::PeerClosed { code: Code::ShuttingDown, .. }), "{error}");
}

#[tokio::test]
async fn a_peer_survives_an_orderly_restart() {
    let node = Node::start(Limits::default());
    let (addr, key) = (node.addr, node.key);
    let peer = Peer::new(asker(&FRIEND), format!("localhost:{}", addr.port()), key);
    let ask = || peer.request::<_, Answer>(&Question::WhoAmI, PATIENCE);
    ask().await.unwrap();
    let before = peer.connect(PATIENCE).await.unwrap();
    ask().await.unwrap();
    assert!(!before.is_closed());

    node.stop().await.unwrap().unwrap();
    // Asked while nobody is there, answered when somebody is again.
    let (answer, _node) = tokio::join!(ask(), Node::restart_at(addr, Limits::default()));
    answer.unwrap();
    assert!(before.is_closed());
}

/// The old node says nothing and the idle timeout is an hour: only a stateless reset of the new
/// one can tell the peer.
#[test]
fn a_peer_survives_a_kill() {
    let hour = Duration::from_secs(3600);
    let limits = Limits { idle_timeout: hour, keep_alive: hour, ..Limits::default() };
    let start = |addr: std::net::SocketAddr| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let node = runtime.block_on(Node::restart_at(addr, limits.clone()));
        (runtime, node)
    };
    let (killed, node) = start("127.0.0.1:0".parse().unwrap());
    let (addr, key) = (node.addr, node.key);

    let here = tokio::runtime::Runtime::new().unwrap();
    let me = Identity::from_seed(&FRIEND);
    let endpoint = here.block_on(async { link::Endpoint::client(&me, limits.clone()) }).unwrap();
    let peer = Peer::new(endpoint, addr.to_string(), key);
    let before = here.block_on(peer.connect(PATIENCE)).unwrap();
    here.block_on(peer.request::<_, Answer>(&Question::WhoAmI, PATIENCE)).unwrap();

    // Tasks are dropped where they are, nothing more is sent.
    killed.shutdown_background();
    drop(node);
    let _second = start(addr);
    assert!(!before.is_closed());
    here.block_on(peer.request::<_, Answer>(&Question::WhoAmI, PATIENCE)).unwrap();
    assert!(before.is_closed());
}
