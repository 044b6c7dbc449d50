//! Stateless resets (RFC 9000 section 10.3) that outlive the process.
//!
//! A node that was killed and started again does not know its old connections. Because the keys
//! of its resets come from its identity, it can still tell its peers so in one packet; they
//! connect again at once instead of waiting for their idle timeout.

use std::sync::Arc;

use quinn::{
    EndpointConfig,
    crypto::{CryptoError, HmacKey},
};
use quinn_proto::HashedConnectionIdGenerator;
use rustls::crypto::{
    aws_lc_rs::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    tls13::{Hkdf, OkmBlock},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{Identity, LinkError};

/// RFC 9000 alone: drafts are not spoken.
const QUIC_V1: u32 = 1;

const LABEL: &[u8] = b"gavel/1 stateless reset";

/// The QUIC configuration whose connection ids and reset tokens depend on `identity`.
pub(crate) fn endpoint_config(identity: &Identity) -> Result<EndpointConfig, LinkError> {
    let hkdf = TLS13_CHACHA20_POLY1305_SHA256
        .tls13()
        .ok_or_else(|| LinkError::Setup { reason: "no TLS 1.3 cipher suite".to_owned() })?
        .hkdf_provider;
    let expander = hkdf.extract_from_secret(Some(LABEL), identity.expose_seed());
    let key = expander.expand_block(&[b"token"]);
    let mut id_key = Zeroizing::new([0; 8]);
    expander
        .expand_slice(&[b"connection id"], id_key.as_mut())
        .map_err(|_| LinkError::Setup { reason: "no key for connection ids".to_owned() })?;
    let id_key = u64::from_le_bytes(*id_key);
    let mut config = EndpointConfig::new(Arc::new(ResetKey { hkdf, key }));
    config
        .supported_versions(vec![QUIC_V1])
        .cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(id_key)));
    Ok(config)
}

/// HMAC-SHA-256 under a key that is cleared when dropped.
struct ResetKey {
    hkdf: &'static dyn Hkdf,
    key: OkmBlock,
}

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        signature_out.copy_from_slice(self.hkdf.hmac_sign(&self.key, data).as_ref());
    }

    fn signature_len(&self) -> usize {
        self.key.as_ref().len()
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let expected = self.hkdf.hmac_sign(&self.key, data);
        if bool::from(expected.as_ref().ct_eq(signature)) { Ok(()) } else { Err(CryptoError) }
    }
}
