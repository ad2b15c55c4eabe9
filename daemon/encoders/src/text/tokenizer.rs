//! Words to token ids, as the model's own tokenizer cuts them.

use tokenizers::{Tokenizer as HuggingFace, TruncationParams};

use super::sentencepiece::SentencePiece;

/// The end of the name of a file that SentencePiece wrote.
const SENTENCEPIECE_SUFFIX: &str = ".model";

/// A model's tokenizer.
#[derive(Debug)]
pub(super) struct Tokenizer {
    form: Form,
    /// Put before every text.
    prefix: String,
    /// Most tokens of one window, special ones included.
    tokens_max: usize,
}

#[derive(Debug)]
enum Form {
    HuggingFace(Box<HuggingFace>),
    SentencePiece(Box<SentencePiece>),
}

impl Tokenizer {
    /// Reads a `tokenizer.json`, or a SentencePiece model if the file's name says so.
    ///
    /// # Errors
    ///
    /// A sentence, if the file is neither.
    pub fn read(path: &str, bytes: &[u8], prefix: &str, tokens_max: usize) -> Result<Tokenizer, String> {
        let form = if path.ends_with(SENTENCEPIECE_SUFFIX) {
            Form::SentencePiece(Box::new(SentencePiece::read(bytes)?))
        } else {
            let mut tokenizer = HuggingFace::from_bytes(bytes).map_err(|error| error.to_string())?;
            let truncation = TruncationParams { max_length: tokens_max, ..TruncationParams::default() };
            tokenizer.with_truncation(Some(truncation)).map_err(|error| error.to_string())?;
            tokenizer.with_padding(None);
            Form::HuggingFace(Box::new(tokenizer))
        };
        Ok(Tokenizer { form, prefix: prefix.to_owned(), tokens_max })
    }

    /// Most tokens of one window.
    pub fn tokens_max(&self) -> usize {
        self.tokens_max
    }

    /// The ids of a text's windows, special tokens included; at most `windows_max`, and none if
    /// there is nothing to read in the text. The prefix stands in the first window.
    ///
    /// # Errors
    ///
    /// A sentence, if the tokenizer fails on it.
    pub fn windows(&self, text: &str, windows_max: usize) -> Result<Vec<Vec<i64>>, String> {
        match &self.form {
            Form::SentencePiece(pieces) => {
                let ids = pieces.ids(text);
                if ids.is_empty() || self.prefix.is_empty() {
                    return Ok(pieces.windows(&ids, self.tokens_max, windows_max));
                }
                let ids = pieces.ids(&format!("{}{text}", self.prefix));
                Ok(pieces.windows(&ids, self.tokens_max, windows_max))
            }
            Form::HuggingFace(tokenizer) => {
                let encode = |text: &str| tokenizer.encode(text, true).map_err(|error| error.to_string());
                let mut encoding = encode(text)?;
                let is_word =
                    |encoding: &tokenizers::Encoding| encoding.get_special_tokens_mask().contains(&0);
                if !is_word(&encoding) {
                    return Ok(Vec::new());
                }
                if !self.prefix.is_empty() {
                    encoding = encode(&format!("{}{text}", self.prefix))?;
                }
                Ok(std::iter::once(&encoding)
                    .chain(encoding.get_overflowing())
                    .filter(|window| is_word(window))
                    .take(windows_max)
                    .map(|window| window.get_ids().iter().map(|id| i64::from(*id)).collect())
                    .collect())
            }
        }
    }
}
