//! Who is let in: raw Ed25519 public keys (RFC 7250), pinned by the asker.

use std::sync::{Arc, OnceLock};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerMisbehaved,
    SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use crate::PeerKey;

/// RFC 8410: `SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING }` before the 32 bytes.
const SPKI_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The 44 bytes that stand for `key` in a handshake.
pub(crate) fn spki(key: PeerKey) -> Vec<u8> {
    [SPKI_PREFIX.as_slice(), &key.0].concat()
}

/// The key of a presented raw public key, if that is the canonical encoding of a well-formed one.
pub(crate) fn key_of(presented: &CertificateDer<'_>) -> Option<PeerKey> {
    let key = PeerKey(presented.as_ref().strip_prefix(&SPKI_PREFIX)?.try_into().ok()?);
    key.is_well_formed().then_some(key)
}

/// Lets the asker speak with the pinned key alone.
#[derive(Debug)]
pub(crate) struct Pin {
    expected: PeerKey,
    presented: OnceLock<PeerKey>,
    provider: Arc<CryptoProvider>,
}

impl Pin {
    pub(crate) fn new(expected: PeerKey, provider: Arc<CryptoProvider>) -> Self {
        Self { expected, presented: OnceLock::new(), provider }
    }

    /// The key that answered instead of the expected one.
    pub(crate) fn stranger(&self) -> Option<PeerKey> {
        self.presented.get().copied().filter(|presented| *presented != self.expected)
    }
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let presented = presented(end_entity, intermediates)?;
        let first = *self.presented.get_or_init(|| presented);
        if first != presented || presented != self.expected {
            return Err(refusal(PinError::NotPinned));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(refusal(PinError::NotTls13))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(message, cert, dss, &self.provider)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// Lets everyone ask who proves to hold some key.
#[derive(Debug)]
pub(crate) struct AnyKey {
    provider: Arc<CryptoProvider>,
}

impl AnyKey {
    pub(crate) fn new(provider: Arc<CryptoProvider>) -> Self {
        Self { provider }
    }
}

impl ClientCertVerifier for AnyKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        presented(end_entity, intermediates).map(|_| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(refusal(PinError::NotTls13))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_signature(message, cert, dss, &self.provider)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

/// What this side says in a handshake that it breaks off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum PinError {
    #[error("the peer's key is not the pinned one")]
    NotPinned,
    #[error("the peer's key is not one canonical Ed25519 public key")]
    NotAKey,
    #[error("the peer does not speak TLS 1.3")]
    NotTls13,
}

fn refusal(why: PinError) -> Error {
    CertificateError::Other(OtherError(Arc::new(why))).into()
}

fn presented(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> Result<PeerKey, Error> {
    if !intermediates.is_empty() {
        return Err(refusal(PinError::NotAKey));
    }
    key_of(end_entity).ok_or_else(|| refusal(PinError::NotAKey))
}

fn verify_signature(
    message: &[u8],
    presented: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
    provider: &CryptoProvider,
) -> Result<HandshakeSignatureValid, Error> {
    if dss.scheme != SignatureScheme::ED25519 {
        return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
    }
    let key = SubjectPublicKeyInfoDer::from(presented.as_ref());
    verify_tls13_signature_with_raw_key(
        message,
        &key,
        dss,
        &provider.signature_verification_algorithms,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Identity;

    #[test]
    fn one_encoding_alone_is_a_key() {
        let key = Identity::from_seed(&[3; 32]).public();
        let canonical = spki(key);
        assert_eq!(canonical.len(), 44);
        assert_eq!(key_of(&CertificateDer::from(canonical.as_slice())), Some(key));
        for cut in 0..44 {
            assert_eq!(key_of(&CertificateDer::from(&canonical[..cut])), None);
        }
        for flipped in 0..SPKI_PREFIX.len() {
            let mut other = canonical.clone();
            other[flipped] ^= 1;
            assert_eq!(key_of(&CertificateDer::from(other)), None);
        }
        let mut longer = canonical;
        longer.push(0);
        assert_eq!(key_of(&CertificateDer::from(longer)), None);
    }

    #[test]
    fn a_pin_remembers_the_stranger() {
        let expected = Identity::from_seed(&[1; 32]).public();
        let other = Identity::from_seed(&[2; 32]).public();
        let name = ServerName::try_from("gavel").unwrap();
        for (presented, stranger) in [(expected, None), (other, Some(other))] {
            let pin = Pin::new(expected, Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
            let der = CertificateDer::from(spki(presented));
            let verdict = pin.verify_server_cert(&der, &[], &name, &[], UnixTime::now());
            assert_eq!(verdict.is_ok(), stranger.is_none());
            assert_eq!(pin.stranger(), stranger);
            assert!(
                pin.verify_server_cert(
                    &der,
                    std::slice::from_ref(&der),
                    &name,
                    &[],
                    UnixTime::now()
                )
                .is_err()
            );
        }
    }
}
