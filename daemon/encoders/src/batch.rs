//! Which pieces go through a network in one run.
//!
//! A run reads all weights of a network, which for a short text takes longer than the arithmetic. So
//! short pieces go together. What each of them gives is what it gives alone but for rounding: the
//! others take part in no sum of its, and sums may be taken in another order. The limits follow what
//! was measured: `models/README.md` has the table.

/// Most texts, or windows of texts, in one run.
pub(crate) const TEXTS_MAX: usize = 8;
/// Most tokens in one run of several texts, padding included; it bounds the memory and the time of a run.
pub(crate) const TOKENS_MAX: usize = 192;
/// Longest text, in tokens, that goes with others: longer ones take as long together as one by one.
pub(crate) const TEXT_TOKENS_MAX: usize = 32;
/// Most tokens that a text is padded by, so that what padding costs is less than what is saved.
pub(crate) const PADDING_MAX: usize = 2;
/// Most patches of sound in one run.
pub(crate) const PATCHES_MAX: usize = 4;

/// Texts of so many tokens, as their places in `tokens`, each run's in the order of their lengths.
/// Every place is in one run.
pub(crate) fn runs_of_texts(tokens: &[usize]) -> Vec<Vec<usize>> {
    let mut places: Vec<usize> = (0..tokens.len()).collect();
    places.sort_by_key(|place| tokens[*place]);
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for place in places {
        let longest = tokens[place];
        let takes_it = |run: &Vec<usize>| {
            longest <= TEXT_TOKENS_MAX
                && run.len() < TEXTS_MAX
                && (run.len() + 1) * longest <= TOKENS_MAX
                && longest - tokens[run[0]] <= PADDING_MAX
        };
        match runs.last_mut().filter(|run| takes_it(run)) {
            Some(run) => run.push(place),
            None => runs.push(vec![place]),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tokens: &[usize], expected: &[&[usize]]) {
        assert_eq!(runs_of_texts(tokens), expected, "{tokens:?}");
    }

    #[test]
    fn texts_of_about_the_same_length_go_together() {
        check(&[], &[]);
        check(&[5], &[&[0]]);
        check(&[12, 5, 20, 12, 13], &[&[1], &[0, 3, 4], &[2]]);
        check(&[5, 5 + PADDING_MAX, 6 + PADDING_MAX], &[&[0, 1], &[2]]);
    }

    #[test]
    fn a_run_takes_no_more_texts_and_tokens_than_its_limits() {
        check(&[3; TEXTS_MAX + 1], &[&[0, 1, 2, 3, 4, 5, 6, 7], &[8]]);
        check(&[32; 7], &[&[0, 1, 2, 3, 4, 5], &[6]]);
        // Padding counts.
        check(&[30, 30, 30, 30, 30, 32, 32], &[&[0, 1, 2, 3, 4, 5], &[6]]);
        assert_eq!(runs_of_texts(&[TOKENS_MAX / TEXTS_MAX; TEXTS_MAX]).len(), 1);
    }

    #[test]
    fn a_long_text_goes_alone() {
        check(&[TEXT_TOKENS_MAX; 2], &[&[0, 1]]);
        check(&[TEXT_TOKENS_MAX + 1; 2], &[&[0], &[1]]);
        check(&[256, 30, 256], &[&[1], &[0], &[2]]);
    }
}
