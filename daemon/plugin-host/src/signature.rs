//! Who made a package: ed25519 keys and signatures (RFC 8032), as text that people can copy.

use std::fmt;
use std::str::FromStr;

use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

/// The word before a public key.
const PUBLIC: &str = "ed25519:";

/// The word before a secret key.
const SECRET: &str = "ed25519-secret:";

/// The longest text of a `SIGNATURE` or of a file with a key, in bytes.
pub const KEY_TEXT_BYTES_MAX: u64 = 1024;

/// The public half of an author's key. Its text is `ed25519:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

/// An author's key. Its text is `ed25519-secret:` and 64 hexadecimal digits; keep it to yourself.
pub struct SecretKey {
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

/// What a `SIGNATURE` file holds: a key, a space, and 128 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) signer: PublicKey,
    bytes: [u8; 64],
}

impl SecretKey {
    /// Makes a key from the system's randomness.
    ///
    /// # Errors
    ///
    /// A sentence if the system gives none: try again.
    pub fn generate() -> Result<SecretKey, String> {
        let mut seed = [0; 32];
        SystemRandom::new().fill(&mut seed).map_err(|_| "the system gives no random numbers".to_owned())?;
        SecretKey::from_seed(seed)
    }

    fn from_seed(seed: [u8; 32]) -> Result<SecretKey, String> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|error| error.to_string())?;
        Ok(SecretKey { seed, pair })
    }

    /// The half that others may know.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let bytes = self.pair.public_key().as_ref();
        PublicKey(bytes.try_into().expect("a public key of ed25519 has 32 bytes"))
    }

    /// The text to keep in a file that nobody else can read.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{SECRET}{}", hex(&self.seed))
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Signature {
        let signature = self.pair.sign(message);
        let bytes = signature.as_ref().try_into().expect("a signature of ed25519 has 64 bytes");
        Signature { signer: self.public(), bytes }
    }
}

impl FromStr for SecretKey {
    type Err = String;

    // The text is not repeated in the sentence, as it is a secret.
    fn from_str(text: &str) -> Result<Self, String> {
        let seed = text.trim().strip_prefix(SECRET).and_then(from_hex);
        SecretKey::from_seed(
            seed.ok_or_else(|| format!("is no secret key, expected {SECRET} and 64 hexadecimal digits"))?,
        )
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey of {}", self.public())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC}{}", hex(&self.0))
    }
}

impl FromStr for PublicKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = text.strip_prefix(PUBLIC).and_then(from_hex);
        let bytes =
            bytes.ok_or_else(|| format!("key is {text:?}, expected {PUBLIC} and 64 hexadecimal digits"))?;
        Ok(PublicKey(bytes))
    }
}

impl Signature {
    /// Whether the signer has signed this message.
    pub(crate) fn holds(&self, message: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.signer.0).verify(message, &self.bytes).is_ok()
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.signer, hex(&self.bytes))
    }
}

impl FromStr for Signature {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.trim_end().split_once(' ').and_then(|(signer, bytes)| {
            Some(Signature { signer: signer.parse().ok()?, bytes: from_hex(bytes)? })
        });
        parsed.ok_or_else(|| {
            format!("is no signature, expected {PUBLIC} with a key, a space and 128 hexadecimal digits")
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, at) in bytes.iter_mut().zip((0..text.len()).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first two tests of RFC 8032, section 7.1: secret key, public key, message, signature.
    const RFC8032: [[&str; 4]; 2] = [
        [
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
             d25bf5f0595bbe24655141438e7a100b",
        ],
        [
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "\x72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
             387b2eaeb4302aeeb00d291612bb0c00",
        ],
    ];

    #[test]
    fn signatures_are_those_of_the_standard() {
        for [secret, public, message, signature] in RFC8032 {
            let secret: SecretKey = format!("{SECRET}{secret}").parse().expect("a key");
            assert_eq!(secret.public().to_string(), format!("{PUBLIC}{public}"));
            let signed = secret.sign(message.as_bytes());
            assert_eq!(signed.to_string(), format!("{PUBLIC}{public} {signature}"));
            assert!(signed.holds(message.as_bytes()) && !signed.holds(b"another message"));
        }
    }

    #[test]
    fn keys_and_signatures_are_read_as_they_are_written() {
        let secret = SecretKey::generate().expect("randomness");
        assert_eq!(secret.to_text().parse::<SecretKey>().expect("a key").public(), secret.public());
        assert_eq!(secret.public().to_string().parse(), Ok(secret.public()));
        let signature = secret.sign(b"message");
        assert_eq!(signature.to_string().parse(), Ok(signature));
        assert!(!format!("{secret:?}").contains(&hex(&secret.seed)));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let no_key = "key is \"ed25519:00\", expected ed25519: and 64 hexadecimal digits";
        assert_eq!("ed25519:00".parse::<PublicKey>(), Err(no_key.to_owned()));
        for text in ["", "ed25519-secret:0g", "é"] {
            let error = text.parse::<SecretKey>().expect_err("no key");
            assert_eq!(error, "is no secret key, expected ed25519-secret: and 64 hexadecimal digits");
            assert!(text.parse::<Signature>().is_err());
        }
    }
}
