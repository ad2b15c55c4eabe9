//! SentencePiece's rewriting of characters before a text is cut into pieces: compatibility forms,
//! control characters and odd spaces become what the model was trained on.
//!
//! Source: `Normalizer::Normalize` and `NormalizePrefix` of SentencePiece 0.1 (src/normalizer.cc);
//! the rules are a double array as Darts-clone writes it, followed by the texts it points to.

use super::protobuf::{Fields, Value};

/// The space that pieces are written with.
pub(super) const SPACE: char = '\u{2581}';

/// A model's rules.
#[derive(Debug, Default)]
pub(super) struct NormalForm {
    units: Vec<u32>,
    texts: Vec<u8>,
    keeps_spaces: bool,
    no_leading_space: bool,
}

impl NormalForm {
    /// Reads a `NormalizerSpec`.
    pub fn read(message: &[u8]) -> Result<NormalForm, String> {
        let mut read = NormalForm::default();
        for field in Fields::of(message) {
            match field? {
                (2, Value::Bytes(rules)) if !rules.is_empty() => {
                    let (units, texts) = rules
                        .split_first_chunk::<4>()
                        .and_then(|(bytes, rest)| rest.split_at_checked(u32::from_le_bytes(*bytes) as usize))
                        .ok_or("its character rules are cut off")?;
                    read.units = units
                        .chunks_exact(4)
                        .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
                        .collect();
                    read.texts = texts.to_vec();
                }
                (3, Value::Varint(wanted)) => read.no_leading_space = wanted == 0,
                (4, Value::Varint(wanted)) => read.keeps_spaces = wanted == 0,
                (5, Value::Varint(0)) => return Err("it leaves spaces as they are, expected ▁".to_owned()),
                _ => {}
            }
        }
        Ok(read)
    }

    /// The text as the pieces are written; empty if there is nothing to read in it.
    pub fn of(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 8);
        let mut after_space = !self.keeps_spaces;
        let mut rest = text;
        while !rest.is_empty() {
            let (form, taken) = self.first(rest);
            rest = &rest[taken..];
            for character in form.chars() {
                let is_space = character == ' ';
                if is_space && after_space && !self.keeps_spaces {
                    continue;
                }
                if out.is_empty() && !self.no_leading_space {
                    out.push(SPACE);
                }
                out.push(if is_space { SPACE } else { character });
                after_space = is_space;
            }
        }
        if !self.keeps_spaces {
            out.truncate(out.trim_end_matches(SPACE).len());
        }
        out
    }

    /// The form of the longest beginning that has a rule, else of the first character, and how many
    /// bytes of the text that was.
    fn first<'a>(&'a self, text: &'a str) -> (&'a str, usize) {
        let one = text.chars().next().map_or(0, char::len_utf8);
        self.longest(text.as_bytes())
            .filter(|(_, taken)| text.is_char_boundary(*taken))
            .and_then(|(at, taken)| {
                let form = self.texts.get(at..)?;
                let end = form.iter().position(|byte| *byte == 0)?;
                Some((std::str::from_utf8(&form[..end]).ok()?, taken))
            })
            .unwrap_or((&text[..one], one))
    }

    /// Where the longest beginning that is a key points to, and its length in bytes.
    fn longest(&self, text: &[u8]) -> Option<(usize, usize)> {
        let mut found = None;
        let mut at = offset(*self.units.first()?);
        for (index, byte) in text.iter().enumerate() {
            at ^= usize::from(*byte);
            let unit = *self.units.get(at)?;
            if unit & 0x8000_00ff != u32::from(*byte) {
                break;
            }
            at ^= offset(unit);
            if unit & 0x100 != 0 {
                let Some(value) = self.units.get(at) else { break };
                found = Some(((value & 0x7fff_ffff) as usize, index + 1));
            }
        }
        found
    }
}

/// The distance that a unit holds: 21 bits, or 13 and eight zeros.
fn offset(unit: u32) -> usize {
    ((unit >> 10) << ((unit & 0x200) >> 6)) as usize
}
