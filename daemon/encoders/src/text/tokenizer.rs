//! Words to token ids, as the model's own tokenizer cuts them.

use tokenizers::Tokenizer as HuggingFace;

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
            // Told to truncate, it stops reading there, and what follows is lost.
            tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
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
                if !encoding.get_special_tokens_mask().contains(&0) {
                    return Ok(Vec::new());
                }
                if !self.prefix.is_empty() {
                    encoding = encode(&format!("{}{text}", self.prefix))?;
                }
                cut(encoding.get_ids(), encoding.get_special_tokens_mask(), self.tokens_max, windows_max)
            }
        }
    }
}

/// Windows of at most `tokens_max` ids, each with the special ids that stand before and after the
/// whole.
fn cut(ids: &[u32], special: &[u32], tokens_max: usize, windows_max: usize) -> Result<Vec<Vec<i64>>, String> {
    let before = special.iter().take_while(|is| **is == 1).count();
    let after = special.iter().rev().take_while(|is| **is == 1).count();
    let room = tokens_max
        .checked_sub(before + after)
        .filter(|room| *room > 0)
        .ok_or_else(|| format!("it puts {} tokens around a text, and takes {tokens_max}", before + after))?;
    let (first, rest) = ids.split_at(before);
    let (words, last) = rest.split_at(rest.len() - after);
    let window = |words: &[u32]| first.iter().chain(words).chain(last).map(|id| i64::from(*id)).collect();
    Ok(words.chunks(room).take(windows_max).map(window).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_window_has_the_special_ids_and_nothing_is_lost() {
        let windows = cut(&[1, 7, 8, 9, 10, 11, 2], &[1, 0, 0, 0, 0, 0, 1], 4, 8).expect("room");
        assert_eq!(windows, [vec![1, 7, 8, 2], vec![1, 9, 10, 2], vec![1, 11, 2]]);
        assert_eq!(cut(&[1, 7, 8, 9, 2], &[1, 0, 0, 0, 1], 4, 1).expect("room"), [vec![1, 7, 8, 2]]);
        assert_eq!(
            cut(&[1, 7, 2], &[1, 0, 1], 2, 8).expect_err("no room"),
            "it puts 2 tokens around a text, and takes 2"
        );
    }
}
