//! Unigram tokenization as SentencePiece does it, from its own file format.
//!
//! The tokenizers crate keeps such a vocabulary in a tree of hash maps: of XLM-R's 250 000 pieces it
//! makes 290 MB. Here they take 7 MB.
//!
//! Source: Kudo, "Subword Regularization", ACL 2018, for the model; `EncodeOptimized` of SentencePiece
//! (src/unigram_model.cc) for what it does with characters it does not know.

use super::normal_form::NormalForm;
use super::protobuf::{Fields, Value};

/// Taken off the least likely piece's score for a character that no piece covers.
const UNKNOWN_PENALTY: f32 = 10.0;
/// What ends the score of a place that is not reached.
const UNREACHED: f32 = f32::NEG_INFINITY;

/// A vocabulary of pieces with their log-probabilities.
#[derive(Debug)]
pub(super) struct SentencePiece {
    normal_form: NormalForm,
    /// The pieces' bytes, one after another.
    bytes: Vec<u8>,
    /// Where each piece starts in `bytes`; one more for the end.
    starts: Vec<u32>,
    scores: Vec<f32>,
    /// Open addressing from a piece's hash to its id plus 1; 0 is empty. A power of two, at most
    /// half full.
    slots: Vec<u32>,
    piece_bytes_max: usize,
    unknown_score: f32,
    unknown: u32,
    /// Before and after a text.
    begin: u32,
    end: u32,
}

/// What a piece is for, in the file.
const NORMAL: u64 = 1;
const UNKNOWN: u64 = 2;
const CONTROL: u64 = 3;
const UNUSED: u64 = 5;

impl SentencePiece {
    /// Reads a `ModelProto`.
    ///
    /// # Errors
    ///
    /// A sentence, if it is none, or uses what is not read here: byte pieces, user-defined pieces,
    /// or another model than unigram.
    pub fn read(file: &[u8]) -> Result<SentencePiece, String> {
        let mut read = SentencePiece {
            normal_form: NormalForm::default(),
            bytes: Vec::new(),
            starts: vec![0],
            scores: Vec::new(),
            slots: Vec::new(),
            piece_bytes_max: 0,
            unknown_score: 0.0,
            unknown: 0,
            begin: 1,
            end: 2,
        };
        let mut normal = Vec::new();
        for field in Fields::of(file) {
            match field? {
                (1, Value::Bytes(piece)) => normal.extend(read.add_piece(piece)?),
                (2, Value::Bytes(trainer)) => read.read_trainer(trainer)?,
                (3, Value::Bytes(rules)) => read.normal_form = NormalForm::read(rules)?,
                _ => {}
            }
        }
        let least = normal.iter().map(|id| read.scores[*id as usize]).fold(f32::INFINITY, f32::min);
        let count = read.scores.len() as u32;
        if normal.is_empty() || [read.unknown, read.begin, read.end].iter().any(|id| *id >= count) {
            return Err(format!("it has {count} pieces, expected some, with <unk>, <s> and </s>"));
        }
        read.unknown_score = least - UNKNOWN_PENALTY;
        read.slots = vec![0; (2 * normal.len()).next_power_of_two()];
        for id in normal {
            read.enter(id);
        }
        Ok(read)
    }

    /// Adds a piece; gives its id if texts are cut into it.
    fn add_piece(&mut self, message: &[u8]) -> Result<Option<u32>, String> {
        let id = self.scores.len() as u32;
        let (mut text, mut score, mut kind) = (&[][..], 0.0, NORMAL);
        for field in Fields::of(message) {
            match field? {
                (1, Value::Bytes(bytes)) => text = bytes,
                (2, Value::Fixed32(bits)) => score = f32::from_bits(bits),
                (3, Value::Varint(found)) => kind = found,
                _ => {}
            }
        }
        self.bytes.extend_from_slice(text);
        self.starts.push(u32::try_from(self.bytes.len()).map_err(|_| "its pieces are over 4 GiB")?);
        self.scores.push(score);
        match kind {
            NORMAL if text.is_empty() || !score.is_finite() => {
                Err(format!("piece {id} is empty or has the score {score}"))
            }
            NORMAL => {
                self.piece_bytes_max = self.piece_bytes_max.max(text.len());
                Ok(Some(id))
            }
            UNKNOWN | CONTROL | UNUSED => Ok(None),
            other => {
                Err(format!("piece {id} is of type {other}, expected normal, unknown, control or unused"))
            }
        }
    }

    fn read_trainer(&mut self, message: &[u8]) -> Result<(), String> {
        let id = |value: u64| u32::try_from(value).map_err(|_| format!("it has the id {}", value as i64));
        for field in Fields::of(message) {
            match field? {
                (3, Value::Varint(kind)) if kind != 1 => {
                    return Err(format!("its model type is {kind}, expected 1, unigram"));
                }
                (35, Value::Varint(1)) => return Err("it falls back on bytes, which is not read".to_owned()),
                (40, Value::Varint(value)) => self.unknown = id(value)?,
                (41, Value::Varint(value)) => self.begin = id(value)?,
                (42, Value::Varint(value)) => self.end = id(value)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Ids of a text, without those before and after it; empty if there is nothing in it to read.
    ///
    /// The cut with the greatest sum of scores wins; of two, the one whose last piece starts
    /// earlier. Neighbours that no piece covers are one unknown.
    pub fn ids(&self, text: &str) -> Vec<u32> {
        let text = self.normal_form.of(text);
        let bytes = text.as_bytes();
        // For each place: the best score of a cut up to it, the last piece's id and where it starts.
        let mut best = vec![(UNREACHED, 0_u32, 0_usize); bytes.len() + 1];
        best[0].0 = 0.0;
        for (at, character) in text.char_indices() {
            let score = best[at].0;
            let one = at + character.len_utf8();
            let mut covered = false;
            let mut hash = HASH_START;
            for end in at + 1..=bytes.len().min(at + self.piece_bytes_max) {
                hash = hash_step(hash, bytes[end - 1]);
                if !text.is_char_boundary(end) {
                    continue;
                }
                if let Some(id) = self.find(&bytes[at..end], hash) {
                    covered |= end == one;
                    let score = score + self.scores[id as usize];
                    if score > best[end].0 {
                        best[end] = (score, id, at);
                    }
                }
            }
            if !covered && score + self.unknown_score > best[one].0 {
                best[one] = (score + self.unknown_score, self.unknown, at);
            }
        }
        let mut ids = Vec::new();
        let mut at = bytes.len();
        while at > 0 {
            let (_, id, from) = best[at];
            if id != self.unknown || ids.last() != Some(&id) {
                ids.push(id);
            }
            at = from;
        }
        ids.reverse();
        ids
    }

    /// Ids in windows of at most `tokens_max` with those before and after each, and at most
    /// `windows_max` of them.
    pub fn windows(&self, ids: &[u32], tokens_max: usize, windows_max: usize) -> Vec<Vec<i64>> {
        let window = |ids: &[u32]| {
            [self.begin].iter().chain(ids).chain([&self.end]).map(|id| i64::from(*id)).collect()
        };
        ids.chunks(tokens_max - 2).take(windows_max).map(window).collect()
    }

    fn piece(&self, id: u32) -> &[u8] {
        let at = id as usize;
        &self.bytes[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    fn enter(&mut self, id: u32) {
        let hash = self.piece(id).iter().fold(HASH_START, |hash, byte| hash_step(hash, *byte));
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        while self.slots[slot] != 0 {
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = id + 1;
    }

    fn find(&self, piece: &[u8], hash: u64) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let id = self.slots[slot].checked_sub(1)?;
            if self.piece(id) == piece {
                return Some(id);
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo), folded so that its lower bits carry the upper ones.
const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

fn hash_step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(field: u8, value: &[u8]) -> Vec<u8> {
        [&[(field << 3) | 2, value.len() as u8], value].concat()
    }

    fn piece(text: &str, score: f32, kind: u8) -> Vec<u8> {
        bytes(
            1,
            &[bytes(1, text.as_bytes()), [&[0x15], &score.to_le_bytes()[..]].concat(), vec![0x18, kind]]
                .concat(),
        )
    }

    /// Ids: 0 to 2 special, then the pieces in their order. No rules for characters.
    fn model(pieces: &[(&str, f32)], trainer: &[u8]) -> Vec<u8> {
        let special = [piece("<unk>", 0.0, 2), piece("<s>", 0.0, 3), piece("</s>", 0.0, 3)];
        let pieces = pieces.iter().map(|(text, score)| piece(text, *score, 1));
        special.into_iter().chain(pieces).chain([bytes(2, trainer)]).collect::<Vec<_>>().concat()
    }

    const UNIGRAM: [u8; 2] = [0x18, 1];

    #[track_caller]
    fn check(pieces: &[(&str, f32)], text: &str, expected: &[u32]) {
        let read = SentencePiece::read(&model(pieces, &UNIGRAM)).expect("a model");
        assert_eq!(read.ids(text), expected, "{text}");
    }

    #[test]
    fn the_likeliest_cut_wins() {
        let pieces = [("▁", -4.0), ("a", -2.0), ("b", -2.0), ("ab", -3.0), ("▁ab", -7.5)];
        check(&pieces, "ab", &[3, 6]);
        check(&pieces, "abab", &[3, 6, 6]);
        check(&pieces, " ba  ", &[3, 5, 4]);
        check(&pieces, "", &[]);
        check(&pieces, "   ", &[]);
    }

    #[test]
    fn neighbours_that_no_piece_covers_are_one_unknown() {
        let pieces = [("▁", -1.0), ("a", -2.0)];
        check(&pieces, "axya", &[3, 4, 0, 4]);
        check(&pieces, "漢字", &[3, 0]);
    }

    #[test]
    fn windows_stand_between_the_special_ids() {
        let read = SentencePiece::read(&model(&[("▁", -1.0), ("a", -2.0)], &UNIGRAM)).expect("a model");
        assert_eq!(read.windows(&read.ids("aaa"), 4, 8), [vec![1, 3, 4, 2], vec![1, 4, 4, 2]]);
        assert_eq!(read.windows(&read.ids("aaaaaaaa"), 4, 2).len(), 2);
    }

    #[test]
    fn what_is_not_read_is_refused_by_a_sentence() {
        let refusal = |file: &[u8]| SentencePiece::read(file).expect_err("refused");
        assert_eq!(refusal(b""), "it has 0 pieces, expected some, with <unk>, <s> and </s>");
        assert_eq!(refusal(&model(&[("a", -1.0)], &[0x18, 2])), "its model type is 2, expected 1, unigram");
        assert_eq!(
            refusal(&piece("a", -1.0, 6)),
            "piece 0 is of type 6, expected normal, unknown, control or unused"
        );
        assert_eq!(refusal(b"{}"), "a field is cut off or of no known type");
        let whole = model(&[("a", -1.0)], &UNIGRAM);
        for end in 0..whole.len() {
            // Whatever is cut off, it is read or refused.
            drop(SentencePiece::read(&whole[..end]));
        }
    }
}
