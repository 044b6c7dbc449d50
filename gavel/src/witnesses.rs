//! What witnesses say of a settlement server, verified as far as it is signed. SETTLEMENT, section
//! "Witnesses".

use auction::keys::PublicKey;
use auction::spec::Member;
use bidder::{Client, MemberWitness};
use serde::Serialize;
use witness::evidence::{Case, Word};
use witness::service::{Standing, Witnessed};
use witness::{LedgerKey, ServerEvidence, SignedHead};

use crate::output::count;
use crate::time;

/// One witness's word on one ledger, as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct WitnessView {
    /// The witness's number among those asked.
    witness: usize,
    server: String,
    ledger: String,
    /// `followed`, `silent`, `unanswered`, `convicted`, `unknown` or `wrong`.
    standing: &'static str,
    /// Entries of the newest head that it countersigned, its epoch and time.
    entries: Option<u64>,
    epoch: Option<u32>,
    head_time: Option<String>,
    heard: Option<String>,
    /// Entries that restores have lost of what it had seen.
    losses: usize,
}

/// What was heard from witnesses of one ledger.
pub(crate) struct Testimony {
    /// For each witness asked.
    pub(crate) views: Vec<WitnessView>,
    /// The heads that they countersigned, both signatures verified.
    pub(crate) heads: Vec<SignedHead>,
    /// What convicts the server: a witness has it, or two of their heads give it.
    pub(crate) evidence: Option<ServerEvidence>,
}

/// Asks witnesses about one ledger.
pub(crate) async fn ask(client: &Client, members: &[Member], of: &LedgerKey) -> Testimony {
    let said = client.witnessed(members).await;
    let mut testimony = Testimony { views: Vec::new(), heads: Vec::new(), evidence: None };
    for (member, said) in members.iter().zip(&said) {
        testimony.hear(said, &member.key, of);
    }
    testimony.compare(of);
    testimony
}

impl Testimony {
    fn hear(&mut self, said: &MemberWitness, key: &PublicKey, of: &LedgerKey) {
        let about =
            said.witnessed.as_ref().ok().and_then(|all| all.iter().find(|one| one.of == *of));
        let Some(about) = about else {
            return self.views.push(WitnessView::unknown(said.accumulator, of));
        };
        let view = WitnessView::of(said.accumulator, about, key);
        if view.standing != "wrong" {
            self.heads.extend(about.head.map(|countersigned| countersigned.head));
        }
        if let Standing::Convicted(evidence) = &about.standing
            && evidence.of == *of
            && matches!(evidence.convict(), Ok(Some(_)))
        {
            self.evidence = Some((**evidence).clone());
        }
        self.views.push(view);
    }

    /// Two witnesses that were shown two histories have what convicts the server.
    fn compare(&mut self, of: &LedgerKey) {
        for (place, one) in self.heads.iter().enumerate() {
            for other in self.heads.iter().skip(place + 1) {
                let words = Box::new([*one, *other].map(Word::Head));
                let evidence = ServerEvidence { of: *of, case: Case::Words(words, Vec::new()) };
                if matches!(evidence.convict(), Ok(Some(_))) {
                    self.evidence = Some(evidence);
                    return;
                }
            }
        }
    }
}

impl WitnessView {
    /// What a witness with this key says; a word that it did not sign is said to be wrong.
    pub(crate) fn of(witness: usize, said: &Witnessed, key: &PublicKey) -> Self {
        let signed = said.head.as_ref().is_none_or(|head| {
            head.by.witness == *key && head.of == said.of && head.verify().is_ok()
        });
        let standing = match &said.standing {
            _ if !signed => "wrong",
            Standing::Followed => "followed",
            Standing::Silent => "silent",
            Standing::Unanswered(_) => "unanswered",
            Standing::Convicted(evidence) => match evidence.convict() {
                Ok(Some(_)) if evidence.of == said.of => "convicted",
                _ => "wrong",
            },
        };
        let head = said.head.filter(|_| signed).map(|countersigned| countersigned.head.head);
        Self {
            witness,
            server: said.of.server.to_string(),
            ledger: said.of.ledger.to_string(),
            standing,
            entries: head.map(|head| head.size),
            epoch: head.map(|head| head.epoch),
            head_time: head.map(|head| time::utc(head.time)),
            heard: said.heard.map(time::utc),
            losses: said.losses.len(),
        }
    }

    fn unknown(witness: usize, of: &LedgerKey) -> Self {
        Self {
            witness,
            server: of.server.to_string(),
            ledger: of.ledger.to_string(),
            standing: "unknown",
            entries: None,
            epoch: None,
            head_time: None,
            heard: None,
            losses: 0,
        }
    }

    /// The ledger that it is about.
    pub(crate) fn ledger(&self) -> &str {
        &self.ledger
    }

    /// The same in words.
    pub(crate) fn line(&self) -> String {
        let mut line = match self.standing {
            "followed" => "follows the settlement server".to_owned(),
            "silent" => "has not heard from the settlement server lately".to_owned(),
            "unanswered" => {
                "was not shown that the settlement server's history continues the one it knows"
                    .to_owned()
            }
            "convicted" => "has evidence that convicts the settlement server".to_owned(),
            "wrong" => "shows something about the settlement server that nobody signed".to_owned(),
            _ => "has seen nothing of the settlement server".to_owned(),
        };
        if let (Some(entries), Some(at)) = (self.entries, &self.head_time) {
            let entries = count(entries, "entry").replace("entrys", "entries");
            line.push_str(&format!("; countersigned its head over {entries} of {at}"));
        }
        if self.losses > 0 {
            line.push_str(&format!("; {} with losses", count(self.losses as u64, "restore")));
        }
        line
    }
}
