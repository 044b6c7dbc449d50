//! The one TLS there is: version 1.3, raw Ed25519 keys on both sides, X25519 with ML-KEM-768.

use std::sync::Arc;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::{
    Error, SignatureAlgorithm, SignatureScheme,
    client::{AlwaysResolvesClientRawPublicKeys, Resumption},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, SubjectPublicKeyInfoDer},
    server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage},
    sign::{CertifiedKey, Signer, SigningKey},
    version::TLS13,
};

use crate::{
    Identity, LinkError, PeerKey,
    pin::{self, AnyKey, Pin},
};

/// Name and version of the protocol, as negotiated in the handshake (ALPN). Endpoints of
/// different versions do not get to speak.
pub const PROTOCOL: &[u8] = b"gavel/1";

/// What an endpoint shows and accepts in handshakes.
pub(crate) struct Credentials {
    provider: Arc<CryptoProvider>,
    key: Arc<CertifiedKey>,
}

impl Credentials {
    pub(crate) fn new(identity: &Identity) -> Self {
        let provider = CryptoProvider {
            kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768],
            ..aws_lc_rs::default_provider()
        };
        let shown = CertificateDer::from(pin::spki(identity.public()));
        let key =
            CertifiedKey::new(vec![shown], Arc::new(HandshakeKey(Arc::new(identity.clone()))));
        Self { provider: Arc::new(provider), key: Arc::new(key) }
    }

    /// For incoming connections.
    pub(crate) fn server(&self) -> Result<Arc<QuicServerConfig>, LinkError> {
        let mut config = rustls::ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(setup)?
            .with_client_cert_verifier(Arc::new(AnyKey::new(Arc::clone(&self.provider))))
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::clone(
                &self.key,
            ))));
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        Ok(Arc::new(QuicServerConfig::try_from(config).map_err(setup)?))
    }

    /// For one outgoing connection to the holder of `expected`. The pin tells afterwards who
    /// answered.
    pub(crate) fn client(
        &self,
        expected: PeerKey,
    ) -> Result<(Arc<QuicClientConfig>, Arc<Pin>), LinkError> {
        let pin = Arc::new(Pin::new(expected, Arc::clone(&self.provider)));
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(setup)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::<Pin>::clone(&pin))
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(
                Arc::clone(&self.key),
            )));
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_early_data = false;
        config.enable_sni = false;
        Ok((Arc::new(QuicClientConfig::try_from(config).map_err(setup)?), pin))
    }
}

/// The key the other side of an established connection has proven to hold.
pub(crate) fn peer_key(connection: &quinn::Connection) -> Option<PeerKey> {
    let shown = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    pin::key_of(shown.first()?)
}

fn setup(error: impl std::fmt::Display) -> LinkError {
    LinkError::Setup { reason: error.to_string() }
}

/// Signs handshakes with the identity itself: the seed is never copied into a key format.
#[derive(Debug, Clone)]
struct HandshakeKey(Arc<Identity>);

impl SigningKey for HandshakeKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SignatureScheme::ED25519).then(|| Box::new(self.clone()) as _)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(pin::spki(self.0.public())))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for HandshakeKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.sign(message).to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}
