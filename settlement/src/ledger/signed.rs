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
    /// The operator's, on a withdrawal.
    second: Option<Signature>,
    bytes: Vec<u8>,
    body: usize,
}

/// Whose word a verified request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// The holder of this key.
    Owner(PublicKey),
    /// The holder of this key and the operator together.
    OwnerAndOperator(PublicKey),
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
    /// A withdrawal needs the operator's signature beside the owner's.
    #[error("the operator's signature is missing")]
    NotCountersigned,
}

impl SignedRequest {
    /// Signs a request for the ledger of `charter`. A withdrawal also needs
    /// [`SignedRequest::countersign`].
    #[must_use]
    pub fn sign(request: &Request, signer: &Signer, charter: &Charter) -> Self {
        let mut bytes = Vec::with_capacity(256);
        request.encode(&mut bytes);
        let body = bytes.len();
        let signature = signer.sign(&statement(charter, &bytes));
        bytes.extend_from_slice(&signer.public().0);
        bytes.extend_from_slice(&signature.0);
        bytes.push(0);
        Self { request: *request, signer: signer.public(), signature, second: None, bytes, body }
    }

    /// Adds the operator's signature.
    #[must_use]
    pub fn countersign(mut self, operator: &Signer, charter: &Charter) -> Self {
        let signature = operator.sign(&statement(charter, self.body_bytes()));
        self.bytes.truncate(self.body + 32 + 64);
        self.bytes.push(1);
        self.bytes.extend_from_slice(&signature.0);
        self.second = Some(signature);
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
        Self::read(bytes, true)
    }

    fn read(bytes: &[u8], check_owner: bool) -> Result<Self, RequestError> {
        if bytes.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::Malformed);
        }
        let mut reader = Reader::new(bytes);
        let request = Request::decode(&mut reader, check_owner)?;
        let body = bytes.len() - reader.left();
        let signer = reader.key().ok_or(RequestError::Malformed)?;
        let signature = reader.signature().ok_or(RequestError::Malformed)?;
        let second = match reader.u8() {
            Some(0) => None,
            Some(1) => Some(reader.signature().ok_or(RequestError::Malformed)?),
            _ => return Err(RequestError::Malformed),
        };
        if !reader.is_empty() {
            return Err(RequestError::Malformed);
        }
        Ok(Self { request, signer, signature, second, bytes: bytes.to_vec(), body })
    }

    /// Verifies every signature, strictly and for this ledger alone.
    ///
    /// # Errors
    /// [`Unverified`] when a signature does not hold, is missing or is of the wrong authority.
    pub fn verify(self, charter: &Charter) -> Result<VerifiedRequest, Unverified> {
        let authority = self.authority(charter)?;
        let statement = statement(charter, self.body_bytes());
        statement.verify(&self.signer, &self.signature)?;
        if let Some(second) = &self.second {
            statement.verify(&charter.operator(), second)?;
        }
        let content = statement.hash();
        Ok(VerifiedRequest { request: self.request, authority, content, bytes: self.bytes })
    }

    /// Verifies many requests, each as [`SignedRequest::verify`] does; the results are in order.
    pub(crate) fn verify_all(
        requests: Vec<Self>,
        charter: &Charter,
        keyring: &mut Keyring,
    ) -> Vec<Result<VerifiedRequest, Unverified>> {
        let statements: Vec<Statement> =
            requests.iter().map(|one| statement(charter, one.body_bytes())).collect();
        let mut claims = Vec::with_capacity(requests.len());
        for (request, statement) in requests.iter().zip(&statements) {
            let message = statement.as_bytes();
            claims.push(Claim { key: request.signer, message, signature: &request.signature });
            if let Some(signature) = &request.second {
                claims.push(Claim { key: charter.operator(), message, signature });
            }
        }
        // One for each claim, in the same order.
        let mut holds = keyring.hold(&claims).into_iter();
        let mut check = |key| {
            if holds.next().unwrap_or(false) { Ok(()) } else { Err(BadSignature { key }) }
        };
        let mut verified = Vec::with_capacity(requests.len());
        for (request, statement) in requests.iter().zip(&statements) {
            let first = check(request.signer);
            let second = request.second.map_or(Ok(()), |_| check(charter.operator()));
            verified.push(request.authority(charter).and_then(|authority| {
                first?;
                second?;
                Ok((authority, statement.hash()))
            }));
        }
        let both = requests.into_iter().zip(verified);
        both.map(|(Self { request, bytes, .. }, verified)| {
            let (authority, content) = verified?;
            Ok(VerifiedRequest { request, authority, content, bytes })
        })
        .collect()
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
        match self.request.action {
            Action::Deposit { .. } => only(charter.operator(), Authority::Operator),
            Action::OpenEscrow { .. } => only(charter.postings(), Authority::Postings),
            Action::Withdraw { .. } if self.second.is_none() => Err(Unverified::NotCountersigned),
            Action::Withdraw { .. } => Ok(Authority::OwnerAndOperator(self.signer)),
            _ if self.signer == charter.postings() => only(charter.postings(), Authority::Postings),
            _ => only(self.signer, Authority::Owner(self.signer)),
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

    /// The account in whose name it is made, and whose ids it counts among.
    #[must_use]
    pub fn account(&self, charter: &Charter) -> AccountId {
        match self.request.action {
            Action::Post(movement) | Action::Hold { movement, .. } => movement.debit,
            Action::PostHold { account, .. }
            | Action::VoidHold { account, .. }
            | Action::Cancel { account }
            | Action::Withdraw { account, .. } => account,
            Action::Deposit { currency, .. } => AccountId::of_owner(&charter.operator(), currency),
            Action::OpenEscrow { subject, currency } => AccountId::of_escrow(&subject, currency),
        }
    }

    /// Takes a request back from the journal of this very server, which verified it before it
    /// was written. An audit, which trusts no journal, goes by `verify`.
    pub(crate) fn from_journal(bytes: &[u8], charter: &Charter) -> Option<Self> {
        let signed = SignedRequest::read(bytes, false).ok()?;
        let authority = signed.authority(charter).ok()?;
        let content = statement(charter, signed.body_bytes()).hash();
        Some(Self { request: signed.request, authority, content, bytes: signed.bytes })
    }
}

fn statement(charter: &Charter, body: &[u8]) -> Statement {
    let mut statement = Statement::new(Label::Request, &charter.id());
    statement.fixed(body);
    statement
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Currency, HoldKey, Movement, Part, RequestId, Sum};
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
        ]
    }

    fn signed(action: Action) -> SignedRequest {
        let request = Request { id: RequestId::new(77).unwrap(), until: Time(1000), action };
        match action {
            Action::Deposit { .. } => SignedRequest::sign(&request, &signer(2), &charter()),
            Action::OpenEscrow { .. } => SignedRequest::sign(&request, &signer(3), &charter()),
            Action::Withdraw { .. } => SignedRequest::sign(&request, &signer(4), &charter())
                .countersign(&signer(2), &charter()),
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
            for byte in [signed.body - 1, signed.body + 40, signed.bytes.len() - 2] {
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
        assert_eq!(good.count(), every_action().len() + 1);
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
    fn deposits_withdrawals_and_escrow_need_their_authorities() {
        for action in every_action() {
            let request = Request { id: RequestId::new(77).unwrap(), until: Time(1000), action };
            let by_owner = SignedRequest::sign(&request, &signer(4), &charter());
            let refused = matches!(
                action,
                Action::Deposit { .. } | Action::Withdraw { .. } | Action::OpenEscrow { .. }
            );
            assert_eq!(by_owner.verify(&charter()).is_err(), refused, "{action:?}");
        }
    }
}
