//! Somebody who holds a server's key and answers what a test says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use auction::keys::SecretKey;
use link::{Endpoint, Handler, Identity, Limits, PeerKey};
use settlement::charter_file::CharterFile;
use settlement::client::Client;
use settlement::journal::SignedHead;
use settlement::server::{SERVER_KEY_FILE, load_key};
use settlement::service::{Answer, Answered, Asked, MAX_ANSWER, MAX_QUESTION, Question};
use witness::service::HeadAnswer;

use crate::bank::{Bank, Open};

/// For an answer that is there at once.
const PATIENCE: Duration = Duration::from_secs(40);

/// Stands where the server of a bank stood.
pub struct Liar {
    said: Arc<Said>,
    file: CharterFile,
}

struct Said {
    /// Each in turn, the last one from then on.
    answers: Mutex<Vec<Answer>>,
    /// To whatever it is asked about its history.
    head: Mutex<HeadAnswer>,
}

impl Handler for Said {
    type Question = Asked<Question>;
    type Answer = Answered<Answer>;

    fn limit(&self, _: PeerKey) -> usize {
        MAX_QUESTION
    }

    async fn answer(&self, _: PeerKey, asked: Asked<Question>) -> Answered<Answer> {
        match asked {
            Asked::Heads(_) => Answered::Heads(self.head.lock().unwrap().clone()),
            Asked::Other(_) => {
                let mut answers = self.answers.lock().unwrap();
                let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
                Answered::Other(answer)
            }
        }
    }
}

fn limits() -> Limits {
    Limits { max_question_bytes: MAX_QUESTION, max_answer_bytes: MAX_ANSWER, ..Limits::default() }
}

impl Liar {
    /// Begins to answer.
    pub fn in_place_of(bank: &Bank) -> Self {
        let key = load_key(&bank.dir, SERVER_KEY_FILE).unwrap();
        let identity = Identity::from_seed(key.seed());
        let endpoint = Endpoint::bind("127.0.0.1:0".parse().unwrap(), &identity, limits()).unwrap();
        let address = endpoint.local_addr().unwrap().to_string();
        let said = Arc::new(Said {
            answers: Mutex::new(vec![Answer::Unknown]),
            head: Mutex::new(HeadAnswer::Nothing),
        });
        let handler = Arc::clone(&said);
        tokio::spawn(async move { endpoint.serve(handler, std::future::pending()).await });
        Self { said, file: CharterFile { address, charter: bank.charter } }
    }

    /// Answers every question like this from now on.
    pub fn says(&self, answer: Answer) {
        self.says_in_turn(vec![answer]);
    }

    /// Answers the next questions like this, and like the last one from then on.
    pub fn says_in_turn(&self, answers: Vec<Answer>) {
        *self.said.answers.lock().unwrap() = answers;
    }

    /// Shows this head to who asks about its history.
    #[allow(dead_code, reason = "another test binary that takes this file does not ask")]
    pub fn shows(&self, head: SignedHead) {
        *self.said.head.lock().unwrap() = HeadAnswer::Head(head);
    }

    /// Somebody who asks, and has seen nothing of the server yet.
    pub fn client(&self, key: &SecretKey) -> Client {
        Client::connect(key, &self.file).unwrap().with_deadline(PATIENCE)
    }
}

/// What a true server answers, before a client looks at it.
pub async fn ask(open: &Open, key: &SecretKey, question: &Question) -> Answer {
    let endpoint = Endpoint::client(&Identity::from_seed(key.seed()), limits()).unwrap();
    let server = PeerKey(open.file.charter.server().0);
    let peer = link::Peer::new(endpoint, open.file.address.clone(), server);
    for _ in 0..2_000 {
        let asked = Asked::Other(question.clone());
        let answer: Answered<Answer> = peer.request(&asked, PATIENCE).await.unwrap();
        match answer {
            Answered::Heads(_) => panic!("a word about heads"),
            Answered::Other(Answer::Busy { .. }) => {
                tokio::time::sleep(Duration::from_millis(20)).await
            }
            Answered::Other(answer) => return answer,
        }
    }
    panic!("the server stays busy");
}
