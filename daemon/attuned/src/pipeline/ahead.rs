//! Short words of items that wait, understood together with those of the item whose turn it is.
//!
//! What comes of it is only put where an item's own turn looks first, so nothing else depends on it.

use attuned_encoders::Encoders;
use attuned_recommender::ItemId;

use super::Shared;
use super::items::text_of;

/// Items in line among whose words those are sought that are about as long.
pub(super) const IN_LINE_MAX: usize = 32;
/// Items whose words are understood together.
const TOGETHER_MAX: usize = 8;
/// Longest words that go with others, in bytes: some tens of tokens, beyond which nothing is gained.
const TEXT_BYTES_MAX: usize = 200;

impl Shared {
    /// Understands the words of this item, whose turn it is, together with those of items that come
    /// after it, if they are short and not understood yet.
    pub(super) async fn read_ahead(&self, id: &ItemId, in_line: &[ItemId], encoders: Option<&Encoders>) {
        let Some(encoders) = encoders.filter(|_| !in_line.is_empty()) else { return };
        let text = |id: &ItemId| Some(text_of(&self.stored_item(id).ok()??.item));
        let Some(first) = text(id).filter(|text| self.is_to_be_read(encoders, text)) else { return };
        let others = in_line.iter().filter_map(text).filter(|text| self.is_to_be_read(encoders, text));
        let texts = together(first, others.collect());
        if texts.len() > 1 {
            self.understanding.encode_ahead(encoders, texts).await;
        }
    }

    fn is_to_be_read(&self, encoders: &Encoders, text: &str) -> bool {
        is_short(text) && !self.understanding.is_kept(encoders, text)
    }
}

/// Whether a text is one that goes with others: there is something in it, and it is not long.
fn is_short(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len())
}

/// The first text and those of the others that are nearest to it in length, each once.
fn together(first: String, mut others: Vec<String>) -> Vec<String> {
    others.sort_by(|a, b| {
        let distance = |text: &String| text.len().abs_diff(first.len());
        distance(a).cmp(&distance(b)).then_with(|| a.cmp(b))
    });
    others.dedup();
    others.retain(|other| *other != first);
    others.truncate(TOGETHER_MAX - 1);
    others.insert(0, first);
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(first: &str, others: &[&str], expected: &[&str]) {
        let others = others.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(together(first.to_owned(), others), expected);
    }

    #[test]
    fn short_words_go_together() {
        for (bytes, expected) in [(0, false), (1, true), (TEXT_BYTES_MAX, true), (TEXT_BYTES_MAX + 1, false)]
        {
            assert_eq!(is_short(&"x".repeat(bytes)), expected, "{bytes} bytes");
        }
    }

    #[test]
    fn those_about_as_long_go_together_each_once() {
        check("jazz", &[], &["jazz"]);
        check(
            "jazz",
            &["rain in the night", "rain", "jazz", "rain", "blues"],
            &["jazz", "rain", "blues", "rain in the night"],
        );
        let many: Vec<String> = (1..40).map(|len| "x".repeat(len)).collect();
        let found = together("y".repeat(20), many);
        assert_eq!(found.len(), TOGETHER_MAX);
        assert!(found.iter().all(|text| text.len().abs_diff(20) <= 4), "{found:?}");
    }
}
