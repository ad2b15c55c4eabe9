//! Words with their valence, and the words that turn, raise or lower it.

use std::collections::HashMap;

use crate::language::Language;

/// What "very" adds and "hardly" takes off, for the word before, the second and the third before.
/// VADER's `B_INCR` and its damping.
const BOOST: [f32; 3] = [0.293, 0.293 * 0.95, 0.293 * 0.9];
/// What "not" leaves of a valence. VADER's `N_SCALAR`.
const NEGATION: f32 = -0.74;
/// What is said before and after "but" counts so much. VADER's `_but_check`.
const BEFORE_BUT: f32 = 0.5;
const AFTER_BUT: f32 = 1.5;
/// What an exclamation mark adds, and how many count. VADER's `_amplify_ep`.
const EXCLAMATION: f32 = 0.292;
const EXCLAMATIONS_MAX: usize = 4;
/// A sum of valences becomes `sum / sqrt(sum² + 15)`. VADER's `normalize`.
const ALPHA: f32 = 15.0;
/// By how much a later lexicon must say more than an earlier one to be believed.
const CLEARLY: f32 = 0.5;
/// How many words before a word can change it, and after it negate it.
const REACH: usize = 3;
/// Words of a text that are read; a comment is shorter.
const WORDS_MAX: usize = 2000;

const EMOJI: &str = include_str!("emoji.txt");

/// The lexicons, English first.
const FILES: [(&str, &str, Script); 9] = [
    ("en", include_str!("en.txt"), Script::Spaced),
    ("de", include_str!("de.txt"), Script::Spaced),
    ("es", include_str!("es.txt"), Script::Spaced),
    ("fr", include_str!("fr.txt"), Script::Spaced),
    ("it", include_str!("it.txt"), Script::Spaced),
    ("ja", include_str!("ja.txt"), Script::Dense),
    ("nl", include_str!("nl.txt"), Script::Spaced),
    ("pt", include_str!("pt.txt"), Script::Spaced),
    ("zh", include_str!("zh.txt"), Script::Dense),
];

/// Whether words are written with spaces between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Spaced,
    Dense,
}

/// What a word says or does.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Entry {
    Valence(f32),
    /// Turns what follows round.
    Not,
    /// Turns what precedes round.
    NotBefore,
    /// Does both.
    NotBoth,
    More,
    Less,
    But,
}

/// The lexicons of all languages.
#[derive(Debug)]
pub(crate) struct Lexicons {
    languages: Vec<Lexicon>,
    emoji: HashMap<char, f32>,
}

#[derive(Debug)]
struct Lexicon {
    code: &'static str,
    script: Script,
    words: HashMap<&'static str, Entry>,
    /// Beginnings of words, which stand in the file with a star.
    stems: HashMap<&'static str, Entry>,
    /// Of words and stems, in characters.
    longest: usize,
}

impl Lexicons {
    /// The lexicons that come with the program.
    pub fn bundled() -> Lexicons {
        let languages =
            FILES.iter().map(|(code, text, script)| Lexicon::parse(code, text, *script)).collect();
        let emoji =
            lines(EMOJI).filter_map(|(word, value)| Some((word.chars().next()?, value.parse().ok()?)));
        Lexicons { languages, emoji: emoji.collect() }
    }

    /// What the words of a text say, in `[-1, 1]`, and in which language; `None` if they say nothing.
    ///
    /// If the language is not known, or its lexicon knows none of the words, the lexicon that has
    /// most to say speaks, English first.
    pub fn read(&self, text: &str, language: Option<Language>) -> Option<(f32, &'static str)> {
        let sum = |lexicon: &Lexicon| Some((lexicon.sum(text, &self.emoji)?, lexicon.code));
        let of_language =
            self.languages.iter().find(|lexicon| language.is_some_and(|l| l.code() == lexicon.code));
        let (sum, code) = of_language.and_then(sum).or_else(|| {
            let mut sums = self.languages.iter().filter_map(sum);
            let first = sums.next()?;
            Some(sums.fold(first, |best, sum| if sum.0.abs() > best.0.abs() + CLEARLY { sum } else { best }))
        })?;
        Some((sum / (sum * sum + ALPHA).sqrt(), code))
    }
}

/// The lines of a file: a word, and what it says or does.
fn lines(file: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    file.lines().filter(|line| !line.starts_with("# ")).filter_map(|line| line.rsplit_once(' '))
}

impl Lexicon {
    fn parse(code: &'static str, file: &'static str, script: Script) -> Lexicon {
        let mut lexicon = Lexicon { code, script, words: HashMap::new(), stems: HashMap::new(), longest: 0 };
        for (word, value) in lines(file) {
            let entry = match value {
                "not" => Entry::Not,
                "<not" => Entry::NotBefore,
                "more" => Entry::More,
                "less" => Entry::Less,
                "but" => Entry::But,
                number => Entry::Valence(number.parse().expect("a test reads every line")),
            };
            lexicon.longest = lexicon.longest.max(word.chars().count());
            // One character with a star is an emoticon's, not a stem.
            let (words, word) = match word.strip_suffix('*') {
                Some(stem)
                    if stem.chars().count() > 1
                        && script == Script::Spaced
                        && stem.chars().all(char::is_alphabetic) =>
                {
                    (&mut lexicon.stems, stem)
                }
                _ => (&mut lexicon.words, word),
            };
            words
                .entry(word)
                .and_modify(|known| *known = if entry == Entry::NotBefore { Entry::NotBoth } else { entry })
                .or_insert(entry);
        }
        lexicon
    }

    /// The sum of the valences of a text's words; `None` if it knows none of them.
    fn sum(&self, text: &str, emoji: &HashMap<char, f32>) -> Option<f32> {
        let entries = match self.script {
            Script::Spaced => self.words_of(text, emoji),
            Script::Dense => self.terms_of(text, emoji),
        };
        let but = entries.iter().position(|entry| *entry == Some(Entry::But));
        let mut sum = 0.0;
        let mut known = false;
        for (at, entry) in entries.iter().enumerate() {
            let Some(Entry::Valence(valence)) = entry else { continue };
            known = true;
            let weight = match but {
                Some(but) if at < but => BEFORE_BUT,
                Some(_) => AFTER_BUT,
                None => 1.0,
            };
            sum += weight * in_context(*valence, at, &entries);
        }
        let exclamations =
            text.chars().filter(|mark| matches!(mark, '!' | '！')).count().min(EXCLAMATIONS_MAX);
        let emphasis = EXCLAMATION * exclamations as f32;
        known.then(|| if sum == 0.0 { 0.0 } else { sum + emphasis.copysign(sum) })
    }

    fn words_of(&self, text: &str, emoji: &HashMap<char, f32>) -> Vec<Option<Entry>> {
        let mut entries = Vec::new();
        for token in text.split_whitespace().take(WORDS_MAX) {
            entries
                .extend(token.chars().filter_map(|face| emoji.get(&face)).map(|v| Some(Entry::Valence(*v))));
            let token = token.replace('’', "'");
            let bare = token.trim_matches(|mark: char| !mark.is_alphanumeric());
            // What is left of an emoticon says nothing.
            let word = if bare.chars().count() <= 2 && !self.words.contains_key(bare) {
                token.as_str()
            } else {
                bare
            };
            let word = word.to_lowercase();
            // French and Italian articles are part of the word.
            let after_article = word.split_once('\'').map(|(_, word)| word);
            entries.push(self.entry(&word).or_else(|| after_article.and_then(|word| self.entry(word))));
        }
        entries
    }

    fn entry(&self, word: &str) -> Option<Entry> {
        if let Some(entry) = self.words.get(word) {
            return Some(*entry);
        }
        // The longest stem that the word begins with.
        let mut ends = word.char_indices().rev().map(|(at, letter)| at + letter.len_utf8());
        ends.find_map(|end| self.stems.get(&word[..end]).copied())
    }

    /// Terms are found from left to right, the longest first; every other character stands for
    /// itself and says nothing.
    fn terms_of(&self, text: &str, emoji: &HashMap<char, f32>) -> Vec<Option<Entry>> {
        let mut entries = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let found = (1..=self.longest).rev().find_map(|count| {
                let end = rest.char_indices().nth(count).map_or(rest.len(), |(at, _)| at);
                self.words.get(&rest[..end]).map(|entry| (*entry, end))
            });
            let (entry, end) = match found {
                Some((entry, end)) => (Some(entry), end),
                None => (emoji.get(&first).map(|value| Entry::Valence(*value)), first.len_utf8()),
            };
            if entries.len() == WORDS_MAX {
                break;
            }
            entries.push(entry);
            rest = &rest[end..];
        }
        entries
    }
}

/// A word's valence, given the words around it.
fn in_context(valence: f32, at: usize, entries: &[Option<Entry>]) -> f32 {
    let mut value = valence;
    for (distance, entry) in entries[..at].iter().rev().take(REACH).enumerate() {
        match entry {
            Some(Entry::Not | Entry::NotBoth) => value *= NEGATION,
            Some(Entry::More) => value += BOOST[distance].copysign(value),
            Some(Entry::Less) => value -= BOOST[distance].copysign(value),
            Some(Entry::But) => break,
            Some(Entry::Valence(_) | Entry::NotBefore) | None => {}
        }
    }
    let after = &entries[at + 1..entries.len().min(at + 1 + REACH)];
    for (distance, entry) in after.iter().enumerate() {
        match entry {
            Some(Entry::NotBefore) => value *= NEGATION,
            // "gut, nicht schlecht": it belongs to the word that follows it, if one does.
            Some(Entry::NotBoth) if !says_something(&entries[at + 2 + distance..]) => value *= NEGATION,
            Some(Entry::Valence(_) | Entry::But) => break,
            Some(Entry::NotBoth | Entry::Not | Entry::More | Entry::Less) | None => {}
        }
    }
    value
}

fn says_something(after: &[Option<Entry>]) -> bool {
    after.iter().take(REACH).any(|entry| matches!(entry, Some(Entry::Valence(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks what a text's words say, to one place after the point.
    #[track_caller]
    fn check(text: &str, language: &str, expected: &str) {
        let said = Lexicons::bundled().read(text, Language::from_code(language));
        assert_eq!(said.map_or("nothing".to_owned(), |(said, _)| format!("{said:+.1}")), expected, "{text}");
    }

    #[test]
    fn every_line_of_every_lexicon_is_read() {
        for (code, file, _) in FILES {
            for (word, value) in lines(file) {
                let known = matches!(value, "not" | "<not" | "more" | "less" | "but");
                let valence = value.parse::<f32>().is_ok_and(|valence| valence.abs() <= 4.0);
                assert!(known || valence, "{code}: `{word} {value}`");
            }
        }
        assert!(Lexicons::bundled().emoji.len() > 100);
    }

    #[test]
    fn words_are_weighed() {
        check("I loved it, what a wonderful film", "en", "+0.8");
        check("boring, what a waste of time", "en", "-0.6");
        check("The film starts at eight", "en", "nothing");
        check("😍", "en", "+0.8");
    }

    #[test]
    fn words_around_a_word_turn_raise_and_lower_it() {
        check("good", "en", "+0.4");
        check("very good", "en", "+0.5");
        check("not good", "en", "-0.3");
        check("not bad at all", "en", "+0.4");
        check("good music but a terrible story", "en", "-0.5");
        check("good!!!", "en", "+0.6");
        check("das war nicht schlecht", "de", "+0.4");
        check("gefällt mir nicht", "de", "-0.4");
        check("gut, nicht schlecht", "de", "+0.7");
        check("je n'aime pas", "fr", "-0.4");
        check("没有意思，不好看", "zh", "-0.5");
    }

    #[test]
    fn a_text_of_no_known_language_is_read_by_the_lexicon_that_knows_it() {
        check("langweilig", "", "-0.5");
        check("太无聊了", "", "-0.6");
        check("つまらない", "", "-0.5");
        check("aburrida", "", "-0.5");
        check("super", "", "+0.6");
        check("great", "", "+0.6");
    }
}
