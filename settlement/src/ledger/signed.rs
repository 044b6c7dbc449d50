//! Requests as received, and as verified. Only the second can be applied, and only `verify`
//! makes it.

use auction::keys::{BadSignature, PublicKey, Signature};
use auction::layout::Digest;

use super::ids::{AccountId, Charter};
use super::request::{Action, Request, RequestError};
use crate::bytes::Reader;
use crate::layout::{Label, Signer, Statement};
use crate::signatures::{Claim, Keyring};

/// Longest encoded request with its signatures, in bytes.
pub const MAX_REQUEST_BYTES: usize = 512;

/// A request with its signatures, as received: decoded, not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    request: Request,
    signer: PublicKey,
    signature: Signature,
    second: Option<Second>,
    bytes: Vec<u8>,
    body: usize,
}

/// The signature beside the signer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Second {
    /// The operator's, on a withdrawal.
    Operator(Signature),
    /// That of who is paid, on a purchase.
    Payee(PublicKey, Signature),
}

/// What the signatures of a request are of.
struct Signed {
    /// What the signer signs, and its hash.
    statement: Statement,
    content: Digest,
    /// Whose the second signature must be, what it is of, and itself.
    second: Option<(PublicKey, Statement, Signature)>,
}

/// Whose word a verified request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// The holder of this key.
    Owner(PublicKey),
    /// The holder of this key and the operator together.
    OwnerAndOperator(PublicKey),
    /// The holder of one key, who pays, and that of another, who is paid.
    OwnerAndPayee {
        /// Who pays.
        owner: PublicKey,
        /// Who is paid.
        payee: PublicKey,
    },
    /// The operator.
    Operator,
    /// The postings module, which turns outcomes into transfers.
    Postings,
}

/// A request whose signatures hold under a charter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedRequest {
    request: Request,
    authority: Authority,
    content: Digest,
    bytes: Vec<u8>,
}

/// Why a request cannot be applied: always its sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// A signature does not hold for this ledger.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The wrong authority signed.
    #[error("got a signature of key {got}, expected that of key {expected}")]
    WrongAuthority {
        /// Who signed.
        got: PublicKey,
        /// Who must.
        expected: PublicKey,
    },
    /// A withdrawal needs the operator's signature beside the owner's, a purchase that of who is
    /// paid.
    #[error("the countersignature is missing")]
    NotCountersigned,
}

impl SignedRequest {
    /// Signs a request for the ledger of `charter`. A withdrawal and a purchase also need
    /// [`SignedRequest::countersign`].
    #[must_use]
    pub fn sign(request: &Request, signer: &Signer, charter: &Charter) -> Self {
        let mut bytes = Vec::with_capacity(256);
        request.encode(&mut bytes);
        let body = bytes.len();
        let signature = signer.sign(&statement(charter, &bytes));
        bytes.extend_from_slice(&signer.public().0);
        bytes.extend_from_slice(&signature.0);
        bytes.push(ALONE);
        Self { request: *request, signer: signer.public(), signature, second: None, bytes, body }
    }

    /// Adds the second signature: on a purchase that of who is paid, otherwise the operator's.
    #[must_use]
    pub fn countersign(mut self, by: &Signer, charter: &Charter) -> Self {
        let statement = statement(charter, self.body_bytes());
        self.bytes.truncate(self.body + 32 + 64);
        let second = if let Action::Purchase(_) = self.request.action {
            let signature = by.sign(&countersigned(charter, &statement.hash()));
            self.bytes.push(BY_PAYEE);
            self.bytes.extend_from_slice(&by.public().0);
            self.bytes.extend_from_slice(&signature.0);
            Second::Payee(by.public(), signature)
        } else {
            let signature = by.sign(&statement);
            self.bytes.push(BY_OPERATOR);
            self.bytes.extend_from_slice(&signature.0);
            Second::Operator(signature)
        };
        self.second = Some(second);
        self
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Who claims to have signed it.
    #[must_use]
    pub fn signer(&self) -> PublicKey {
        self.signer
    }

    /// The bytes that travel and are kept.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads a request. Every value has one encoding: what is accepted encodes to `bytes`.
    ///
    /// # Errors
    /// [`RequestError`] when it could not be good in any ledger.
    pub fn decode(bytes: &[u8]) -> Result<Self, RequestError> {
        Self::decode_owned(bytes.to_vec())
    }

    /// The same with bytes that need not be copied.
    ///
    /// # Errors
    /// As [`SignedRequest::decode`].
    pub fn decode_owned(bytes: Vec<u8>) -> Result<Self, RequestError> {
        Self::read(bytes, true)
    }

    fn read(bytes: Vec<u8>, check_owner: bool) -> Result<Self, RequestError> {
        if bytes.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::Malformed);
        }
        let mut reader = Reader::new(&bytes);
        let request = Request::decode(&mut reader, check_owner)?;
        let body = bytes.len() - reader.left();
        let signer = reader.key().ok_or(RequestError::Malformed)?;
        let signature = reader.signature().ok_or(RequestError::Malformed)?;
        let second = Second::decode(&mut reader)?;
        if !reader.is_empty() {
            return Err(RequestError::Malformed);
        }
        Ok(Self { request, signer, signature, second, bytes, body })
    }

    /// Verifies every signature, strictly and for this ledger alone.
    ///
    /// # Errors
    /// [`Unverified`] when a signature does not hold, is missing or is of the wrong authority.
    pub fn verify(self, charter: &Charter) -> Result<VerifiedRequest, Unverified> {
        let authority = self.authority(charter)?;
        let Signed { statement, content, second } = self.signed(charter);
        statement.verify(&self.signer, &self.signature)?;
        if let Some((key, statement, signature)) = second {
            statement.verify(&key, &signature)?;
        }
        Ok(VerifiedRequest { request: self.request, authority, content, bytes: self.bytes })
    }

    /// Verifies the signer's signature alone, as one does before one countersigns: answers with
    /// the hash of what was signed.
    ///
    /// # Errors
    /// [`BadSignature`] when it does not hold for this ledger.
    pub fn verify_before_countersigning(&self, charter: &Charter) -> Result<Digest, BadSignature> {
        let Signed { statement, content, .. } = self.signed(charter);
        statement.verify(&self.signer, &self.signature)?;
        Ok(content)
    }

    /// [`SignedRequest::verify`] with keys that are kept decoded: its signatures share a division.
    pub(crate) fn verify_with(
        self,
        charter: &Charter,
        keyring: &mut Keyring,
    ) -> Result<VerifiedRequest, Unverified> {
        let verified = Self::verify_all(vec![self], charter, keyring).pop();
        #[expect(clippy::expect_used, reason = "there is a result for each request")]
        verified.expect("one for the one")
    }

    /// Verifies many requests, each as [`SignedRequest::verify`] does; the results are in order.
    pub(crate) fn verify_all(
        requests: Vec<Self>,
        charter: &Charter,
        keyring: &mut Keyring,
    ) -> Vec<Result<VerifiedRequest, Unverified>> {
        let signed: Vec<Signed> = requests.iter().map(|one| one.signed(charter)).collect();
        let mut claims = Vec::with_capacity(requests.len());
        for (request, signed) in requests.iter().zip(&signed) {
            let (key, message) = (request.signer, signed.statement.as_bytes());
            claims.push(Claim { key, message, signature: &request.signature });
            if let Some((key, statement, signature)) = &signed.second {
                claims.push(Claim { key: *key, message: statement.as_bytes(), signature });
            }
        }
        // One for each claim, in the same order.
        let mut holds = keyring.hold(&claims).into_iter();
        let mut check = |key| {
            if holds.next().unwrap_or(false) { Ok(()) } else { Err(BadSignature { key }) }
        };
        let mut verified = Vec::with_capacity(requests.len());
        for (request, signed) in requests.iter().zip(&signed) {
            let first = check(request.signer);
            let second = signed.second.as_ref().map_or(Ok(()), |(key, ..)| check(*key));
            verified.push(request.authority(charter).and_then(|authority| {
                first?;
                second?;
                Ok((authority, signed.content))
            }));
        }
        let both = requests.into_iter().zip(verified);
        both.map(|(Self { request, bytes, .. }, verified)| {
            let (authority, content) = verified?;
            Ok(VerifiedRequest { request, authority, content, bytes })
        })
        .collect()
    }

    /// What its signatures are of.
    fn signed(&self, charter: &Charter) -> Signed {
        let statement = statement(charter, self.body_bytes());
        let content = statement.hash();
        let second = self.second.map(|second| match second {
            Second::Operator(signature) => (charter.operator(), statement.clone(), signature),
            Second::Payee(payee, signature) => (payee, countersigned(charter, &content), signature),
        });
        Signed { statement, content, second }
    }

    /// Which authority the signing keys claim; refused where the action needs another.
    fn authority(&self, charter: &Charter) -> Result<Authority, Unverified> {
        let only = |expected: PublicKey, authority| {
            let signed_alone = self.second.is_none();
            if self.signer == expected && signed_alone {
                Ok(authority)
            } else {
                Err(Unverified::WrongAuthority { got: self.signer, expected })
            }
        };
        let owner = self.signer;
        match (self.request.action, self.second) {
            (Action::Deposit { .. } | Action::Correct { .. }, _) => {
                only(charter.operator(), Authority::Operator)
            }
            (Action::OpenEscrow { .. }, _) => only(charter.postings(), Authority::Postings),
            (Action::Withdraw { .. }, Some(Second::Operator(_))) => {
                Ok(Authority::OwnerAndOperator(owner))
            }
            (Action::Purchase(_), Some(Second::Payee(payee, _))) => {
                Ok(Authority::OwnerAndPayee { owner, payee })
            }
            (Action::Withdraw { .. } | Action::Purchase(_), _) => Err(Unverified::NotCountersigned),
            _ if owner == charter.postings() => only(charter.postings(), Authority::Postings),
            _ => only(owner, Authority::Owner(owner)),
        }
    }

    fn body_bytes(&self) -> &[u8] {
        self.bytes.get(..self.body).unwrap_or_default()
    }
}

impl VerifiedRequest {
    /// The request.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Whose word it is.
    #[must_use]
    pub fn authority(&self) -> Authority {
        self.authority
    }

    /// The account in whose name it is made, and whose ids it counts among; `charter` is that of
    /// its ledger.
    #[must_use]
    pub fn signing_account(&self, charter: &Charter) -> AccountId {
        match self.request.action {
            Action::Post(movement) | Action::Hold { movement, .. } | Action::Purchase(movement) => {
                movement.debit
            }
            Action::PostHold { account, .. }
            | Action::VoidHold { account, .. }
            | Action::Cancel { account }
            | Action::Withdraw { account, .. } => account,
            Action::Deposit { currency, .. } | Action::Correct { currency, .. } => {
                AccountId::of_owner(&charter.operator(), currency)
            }
            Action::OpenEscrow { subject, currency } => AccountId::of_escrow(&subject, currency),
        }
    }

    /// The hash of what was signed: equal exactly for equal requests to one ledger.
    #[must_use]
    pub fn content(&self) -> Digest {
        self.content
    }

    /// The signed bytes as they came.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes a request back from the journal of this very server, which verified it before it
    /// was written. An audit, which trusts no journal, goes by `verify`.
    pub(crate) fn from_journal(bytes: &[u8], charter: &Charter) -> Option<Self> {
        let signed = SignedRequest::read(bytes.to_vec(), false).ok()?;
        let authority = signed.authority(charter).ok()?;
        let content = statement(charter, signed.body_bytes()).hash();
        Some(Self { request: signed.request, authority, content, bytes: signed.bytes })
    }
}

const ALONE: u8 = 0;
const BY_OPERATOR: u8 = 1;
const BY_PAYEE: u8 = 2;

impl Second {
    fn decode(reader: &mut Reader<'_>) -> Result<Option<Self>, RequestError> {
        let malformed = RequestError::Malformed;
        Ok(match reader.u8() {
            Some(ALONE) => None,
            Some(BY_OPERATOR) => Some(Self::Operator(reader.signature().ok_or(malformed)?)),
            Some(BY_PAYEE) => {
                let payee = reader.key().ok_or(malformed)?;
                Some(Self::Payee(payee, reader.signature().ok_or(malformed)?))
            }
            _ => return Err(malformed),
        })
    }
}

fn statement(charter: &Charter, body: &[u8]) -> Statement {
    let mut statement = Statement::new(Label::Request, &charter.id());
    statement.fixed(body);
    statement
}

/// What who is paid signs: another statement than who pays, so that neither signature can ever
/// stand for the other.
fn countersigned(charter: &Charter, content: &Digest) -> Statement {
    let mut statement = Statement::new(Label::Countersignature, &charter.id());
    statement.fixed(&content.0);
    statement
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{
        AccountId, Currency, HoldKey, Movement, Part, RequestId, Sum, correction_id,
    };
    use auction::keys::SecretKey;
    use auction::spec::Time;

    fn signer(seed: u8) -> Signer {
        Signer::new(&SecretKey::from_seed(&[seed; 32]))
    }

    fn charter() -> Charter {
        Charter::new(signer(1).public(), signer(2).public(), signer(3).public(), 8).unwrap()
    }

    fn every_action() -> Vec<Action> {
        let currency = Currency::from_bytes(*b"EUR\x02").unwrap();
        let debit = AccountId::of_owner(&signer(4).public(), currency);
        let credit = AccountId::of_owner(&signer(5).public(), currency);
        let amount = Sum::new(7).unwrap();
        let reference = Digest([9; 32]);
        let movement = Movement { debit, credit, amount, reference };
        let hold = HoldKey { account: debit, id: RequestId::new(5).unwrap() };
        let subject = Digest([8; 32]);
        vec![
            Action::Post(movement),
            Action::Hold { movement, timeout: Time(99) },
            Action::PostHold { account: credit, hold, part: Part::Whole, reference },
            Action::PostHold { account: credit, hold, part: Part::Amount(0), reference },
            Action::VoidHold { account: credit, hold, reference },
            Action::Cancel { account: debit },
            Action::Deposit { owner: signer(4).public(), currency, amount, reference },
            Action::Withdraw { account: debit, amount, reference },
            Action::OpenEscrow { subject, currency },
            Action::Purchase(movement),
            Action::Correct { currency, movement, part: 3 },
        ]
    }

    /// The id of a correction follows from it; others are free.
    fn id_of(action: &Action) -> RequestId {
        match action {
            Action::Correct { movement, part, .. } => correction_id(&movement.reference, *part),
            _ => RequestId::new(77).unwrap(),
        }
    }

    fn signed(action: Action) -> SignedRequest {
        let request = Request { id: id_of(&action), until: Time(1000), action };
        match action {
            Action::Deposit { .. } | Action::Correct { .. } => {
                SignedRequest::sign(&request, &signer(2), &charter())
            }
            Action::OpenEscrow { .. } => SignedRequest::sign(&request, &signer(3), &charter()),
            Action::Withdraw { .. } => SignedRequest::sign(&request, &signer(4), &charter())
                .countersign(&signer(2), &charter()),
            Action::Purchase(_) => SignedRequest::sign(&request, &signer(4), &charter())
                .countersign(&signer(5), &charter()),
            _ => SignedRequest::sign(&request, &signer(4), &charter()),
        }
    }

    #[test]
    fn every_request_reads_back_and_every_altered_bit_is_refused() {
        for action in every_action() {
            let signed = signed(action);
            let bytes = signed.as_bytes().to_vec();
            let read = SignedRequest::decode(&bytes).unwrap();
            assert_eq!(read, signed);
            assert_eq!(read.verify(&charter()).unwrap().request().action, action);
            for bit in 0..bytes.len() * 8 {
                let mut altered = bytes.clone();
                altered[bit / 8] ^= 1 << (bit % 8);
                let accepted = SignedRequest::decode(&altered)
                    .is_ok_and(|request| request.verify(&charter()).is_ok());
                assert!(!accepted, "bit {bit} of {action:?}");
            }
            for length in 0..bytes.len() {
                assert!(SignedRequest::decode(&bytes[..length]).is_err());
            }
        }
    }

    #[test]
    fn many_are_verified_as_one_is() {
        let mut all = Vec::new();
        for action in every_action() {
            let signed = signed(action);
            let by_owner = SignedRequest::sign(signed.request(), &signer(4), &charter());
            all.push(by_owner.clone().countersign(&signer(5), &charter()));
            all.push(by_owner.countersign(&signer(2), &charter()));
            let second = (signed.body + 32 + 64 + 1).min(signed.bytes.len() - 1);
            for byte in [signed.body - 1, signed.body + 40, second, signed.bytes.len() - 2] {
                let mut altered = signed.bytes.clone();
                altered[byte] ^= 1;
                all.extend(SignedRequest::decode(&altered));
            }
            all.push(signed);
        }
        let mut keyring = Keyring::new(64);
        for some in all.chunks(7) {
            let together = SignedRequest::verify_all(some.to_vec(), &charter(), &mut keyring);
            let alone: Vec<_> = some.iter().map(|one| one.clone().verify(&charter())).collect();
            assert_eq!(together, alone);
        }
        let good = all.iter().filter(|one| (*one).clone().verify(&charter()).is_ok());
        // The withdrawal under the operator's countersignature once more, and a purchase under
        // anybody's: whether that is who is paid, the ledger asks.
        assert_eq!(good.count(), every_action().len() + 3);
    }

    #[test]
    fn a_request_is_good_in_one_ledger_alone() {
        let elsewhere =
            Charter::new(signer(7).public(), signer(2).public(), signer(3).public(), 8).unwrap();
        for action in every_action() {
            assert!(signed(action).verify(&elsewhere).is_err());
        }
    }

    #[test]
    fn a_correction_under_another_id_than_its_own_is_no_request() {
        let is_correction = |action: &Action| matches!(action, Action::Correct { .. });
        let action = every_action().into_iter().find(is_correction).unwrap();
        let request = Request { id: RequestId::new(77).unwrap(), until: Time(1000), action };
        let signed = SignedRequest::sign(&request, &signer(2), &charter());
        let read = SignedRequest::decode(signed.as_bytes());
        assert_eq!(read, Err(crate::ledger::RequestError::CorrectionId));
    }

    #[test]
    fn deposits_withdrawals_escrow_and_purchases_need_their_authorities() {
        for action in every_action() {
            let request = Request { id: id_of(&action), until: Time(1000), action };
            let by_owner = SignedRequest::sign(&request, &signer(4), &charter());
            let refused = matches!(
                action,
                Action::Deposit { .. }
                    | Action::Withdraw { .. }
                    | Action::OpenEscrow { .. }
                    | Action::Purchase(_)
                    | Action::Correct { .. }
            );
            assert_eq!(by_owner.verify(&charter()).is_err(), refused, "{action:?}");
        }
    }

    #[test]
    fn the_second_signature_is_of_the_kind_that_the_action_needs() {
        let is_purchase = |action: &Action| matches!(action, Action::Purchase(_));
        let purchase = every_action().into_iter().find(is_purchase).unwrap();
        let request =
            Request { id: RequestId::new(77).unwrap(), until: Time(1000), action: purchase };
        let alone = SignedRequest::sign(&request, &signer(4), &charter());
        assert_eq!(alone.clone().verify(&charter()), Err(Unverified::NotCountersigned));
        assert!(alone.verify_before_countersigning(&charter()).is_ok());
        let payee = signer(5).public();
        let whole = alone.countersign(&signer(5), &charter());
        let authority = Authority::OwnerAndPayee { owner: signer(4).public(), payee };
        let verified = whole.clone().verify(&charter()).unwrap();
        assert_eq!(verified.authority(), authority);
        // The buyer's own signature, put where that of who is paid belongs.
        let bytes = whole.as_bytes();
        let at = bytes.len() - 96;
        let (before, own) = (&bytes[..at], &bytes[at - 97..at - 1]);
        let swapped = SignedRequest::decode(&[before, own].concat()).unwrap();
        assert!(matches!(swapped.verify(&charter()), Err(Unverified::Signature(_))));
        // A withdrawal's second signature on a purchase, and a purchase's on a payment.
        let operators = [&bytes[..at - 1], &[BY_OPERATOR], &bytes[at + 32..]].concat();
        let operators = SignedRequest::decode(&operators).unwrap();
        assert_eq!(operators.verify(&charter()), Err(Unverified::NotCountersigned));
        let post = signed(every_action().remove(0));
        let post = post.as_bytes();
        let with_payee = [&post[..post.len() - 1], &bytes[at - 1..]].concat();
        let with_payee = SignedRequest::decode(&with_payee).unwrap();
        assert!(matches!(with_payee.verify(&charter()), Err(Unverified::WrongAuthority { .. })));
    }
}
