//! QUIC endpoints made without the crate under test, to be bent as a test wants.

use std::{net::SocketAddr, sync::Arc};

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::{
    DigitallySignedStruct, Error, SignatureAlgorithm, SignatureScheme,
    client::{
        AlwaysResolvesClientRawPublicKeys, ResolvesClientCert,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
    server::AlwaysResolvesServerRawPublicKeys,
    sign::{CertifiedKey, Signer, SigningKey},
};

pub(crate) type Groups = Vec<&'static dyn SupportedKxGroup>;

pub(crate) fn hybrid() -> Groups {
    vec![aws_lc_rs::kx_group::X25519MLKEM768]
}

/// A client whose honest form differs from the crate's own only in believing every server and
/// in wanting to resume sessions.
pub(crate) struct Raw {
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) groups: Groups,
    pub(crate) key: Shown,
}

/// How a client says who it is.
pub(crate) enum Shown {
    /// Shows `public` and signs with `seed`.
    Key { public: [u8; 32], seed: [u8; 32] },
    /// Shows the neutral element, under which one signature fits every message.
    Neutral,
    /// Agrees to show a raw public key and then does not.
    Withheld,
    /// Does not even agree.
    Nothing,
}

impl Raw {
    pub(crate) fn honest() -> Self {
        let public = link::Identity::from_seed(&[7; 32]).public().0;
        Self {
            alpn: vec![b"gavel/1".to_vec()],
            groups: hybrid(),
            key: Shown::Key { public, seed: [7; 32] },
        }
    }

    pub(crate) fn endpoint(self) -> quinn::Endpoint {
        let provider = provider(self.groups);
        let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Gullible));
        let certified = match self.key {
            Shown::Key { public, seed } => Some(certified(public, seed, &provider)),
            Shown::Neutral => Some(forged()),
            Shown::Withheld | Shown::Nothing => None,
        };
        let mut config = match (self.key, certified) {
            (Shown::Nothing, _) => builder.with_no_client_auth(),
            (_, None) => builder.with_client_cert_resolver(Arc::new(Withholds)),
            (_, Some(key)) => builder
                .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(key))),
        };
        config.alpn_protocols = self.alpn;
        config.enable_early_data = true;
        let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
        let config = QuicClientConfig::try_from(config).unwrap();
        endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(config)));
        endpoint
    }

    pub(crate) async fn connect(
        self,
        addr: SocketAddr,
    ) -> Result<quinn::Connection, quinn::ConnectionError> {
        self.endpoint().connect(addr, "gavel").unwrap().await
    }
}

/// A server that shows `public`, signs with `seed` and asks nobody who he is.
pub(crate) fn impostor_server(
    public: [u8; 32],
    seed: [u8; 32],
    groups: Groups,
) -> (quinn::Endpoint, SocketAddr) {
    let provider = provider(groups);
    let key = certified(public, seed, &provider);
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(Arc::new(AnyClient))
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key)));
    config.alpn_protocols = vec![b"gavel/1".to_vec()];
    let config = QuicServerConfig::try_from(config).unwrap();
    let config = quinn::ServerConfig::with_crypto(Arc::new(config));
    let endpoint = quinn::Endpoint::server(config, "127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = endpoint.local_addr().unwrap();
    (endpoint, addr)
}

fn provider(kx_groups: Groups) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() })
}

/// Signs with aws-lc's own Ed25519, from PKCS #8.
fn certified(public: [u8; 32], seed: [u8; 32], provider: &CryptoProvider) -> Arc<CertifiedKey> {
    let pkcs8 = [
        [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20].as_slice(),
        &seed,
    ];
    let key = PrivatePkcs8KeyDer::from(pkcs8.concat()).into();
    let key = provider.key_provider.load_private_key(key).unwrap();
    Arc::new(CertifiedKey::new(vec![spki(public)], key))
}

fn spki(public: [u8; 32]) -> CertificateDer<'static> {
    let prefix = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    [prefix.as_slice(), &public].concat().into()
}

fn forged() -> Arc<CertifiedKey> {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    Arc::new(CertifiedKey::new(vec![spki(neutral)], Arc::new(FitsAll)))
}

/// R = B and S = 1 satisfy S B = R + h A for every h if A is neutral.
#[derive(Debug, Clone)]
struct FitsAll;

impl SigningKey for FitsAll {
    fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        Some(Box::new(self.clone()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for FitsAll {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Error> {
        let mut signature = vec![0x66; 32];
        signature[0] = 0x58;
        signature.push(1);
        signature.resize(64, 0);
        Ok(signature)
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

#[derive(Debug)]
struct Withholds;

impl ResolvesClientCert for Withholds {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn only_raw_public_keys(&self) -> bool {
        true
    }

    fn has_certs(&self) -> bool {
        true
    }
}

macro_rules! believes_every_signature {
    () => {
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ED25519]
        }

        fn requires_raw_public_keys(&self) -> bool {
            true
        }
    };
}

#[derive(Debug)]
struct Gullible;

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    believes_every_signature!();
}

#[derive(Debug)]
struct AnyClient;

impl rustls::server::danger::ClientCertVerifier for AnyClient {
    fn root_hint_subjects(&self) -> &[rustls::DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<rustls::server::danger::ClientCertVerified, Error> {
        Ok(rustls::server::danger::ClientCertVerified::assertion())
    }

    believes_every_signature!();
}
