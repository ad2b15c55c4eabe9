//! Which language a text is in.
//!
//! A short text says little, and a wrong answer sends it to the wrong model, so there is none unless
//! the evidence agrees: the script where it settles the matter, else two detectors that know
//! different things (character n-grams of sentences, and trigrams of books), and for a Latin script
//! a letter or a small word that the language has.

use whatlang::Script;

/// A language, by its code in ISO 639-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(&'static str);

/// Fewest letters of an English text without a small word in it for which two detectors suffice.
const LETTERS_MIN: usize = 18;

/// How much of a text is looked at, in bytes: more changes nothing.
const LOOK_BYTES_MAX: usize = 2048;

/// Codes in ISO 639-1 and 639-3, and small words.
type Entry = (&'static str, &'static str, &'static str);

/// The languages that can be told, with their codes in ISO 639-3 and, where their script is Latin,
/// their small words.
const LANGUAGES: [Entry; 26] = [
    ("ar", "ara", ""),
    ("bg", "bul", ""),
    ("cs", "ces", "a je se na že to v s z do i ale jak co pro by si tak jsem jsou není"),
    ("da", "dan", "og det at en er den til på af for med de som ikke et jeg har men var du"),
    (
        "de",
        "deu",
        "der die das und ist ein eine einen einem einer für mit von zu im den dem des nicht auf ich es sich auch \
         war wie oder zum zur bei sie wir man als aus nach über sehr hat sind mir",
    ),
    ("el", "ell", ""),
    (
        "en",
        "eng",
        "the of and to in is it for on with that this was are be at by from or an as not you i we my they have \
         has can your its all but so what one",
    ),
    (
        "es",
        "spa",
        "el la los las de y un una para con en es por que del al se su no más como lo este esta muy mi me son \
         sus o",
    ),
    ("fi", "fin", "ja on ei se että oli en mutta niin kuin myös tämä hän joka ovat minä"),
    (
        "fr",
        "fra",
        "le la les de des du et un une pour dans est avec sur en au aux ce cette que qui pas je il elle nous \
         vous par ou plus très mon votre à c'est",
    ),
    ("he", "heb", ""),
    ("hi", "hin", ""),
    (
        "it",
        "ita",
        "il lo la gli le di e un una per con in è che del della dei delle al non si da sono molto mi più questo \
         questa ho",
    ),
    ("ja", "jpn", ""),
    ("ko", "kor", ""),
    (
        "nl",
        "nld",
        "de het een en van voor met is op in te dat die niet zijn ik je aan er ook was om naar deze bij of maar \
         heb heel",
    ),
    ("pl", "pol", "i w na z się nie do to że jest jak dla o od po co tak ale są być"),
    (
        "pt",
        "por",
        "o a os as de e um uma para com em é que do da dos das no na não se por mais muito este esta eu meu foi ao",
    ),
    ("ro", "ron", "și în de la cu nu este pe un o care din că mai pentru sunt"),
    ("ru", "rus", ""),
    (
        "sv",
        "swe",
        "och att det en ett är för med som på av den till i inte om har jag du de var men kan mycket",
    ),
    ("th", "tha", ""),
    ("tr", "tur", "ve bir bu için çok ile de da ne o ben gibi daha var değil ama"),
    ("uk", "ukr", ""),
    ("vi", "vie", "và là của có không cho một được người các với này tôi"),
    ("zh", "cmn", ""),
];

impl Language {
    /// English.
    pub const ENGLISH: Language = Language("en");

    /// The code in ISO 639-1, e.g. `de`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.0
    }

    /// The language of that code; `None` if it is none that can be told.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Language> {
        LANGUAGES.iter().find(|(known, ..)| *known == code).map(|(code, ..)| Language(code))
    }

    /// The language of a text; `None` if it cannot be told.
    #[must_use]
    pub fn of(text: &str) -> Option<Language> {
        let text = &text[..text.floor_char_boundary(LOOK_BYTES_MAX)];
        if let Some(language) = by_script(text) {
            return Some(language);
        }
        let guess = whatlang::detect(text)?;
        let book = entry(guess.lang().code());
        if guess.script() != Script::Latin {
            let agrees = |book: &Entry| guess.is_reliable() || book.1 == whichlang_code(text);
            return book.filter(|book| agrees(book)).map(language);
        }
        // Five of the languages are in the books alone.
        if let Some(book) = book
            && !whichlang::LANGUAGES.iter().any(|known| known.three_letter_code() == book.1)
            && guess.is_reliable()
            && has_small_word(text, book.2)
        {
            return Some(language(book));
        }
        let sentence = entry(whichlang_code(text)).or(book)?;
        let agree = book == Some(sentence);
        let evidence = has_small_word(text, sentence.2);
        let sure = if sentence.0 == Self::ENGLISH.0 {
            evidence || agree && text.chars().filter(|letter| letter.is_alphabetic()).count() >= LETTERS_MIN
        } else {
            let foreign = |letter: char| letter.is_alphabetic() && !letter.is_ascii();
            agree && (evidence || text.chars().any(foreign))
        };
        sure.then_some(language(sentence))
    }
}

fn language(entry: &'static Entry) -> Language {
    Language(entry.0)
}

fn entry(code: &str) -> Option<&'static Entry> {
    LANGUAGES.iter().find(|(_, known, _)| *known == code)
}

fn whichlang_code(text: &str) -> &'static str {
    whichlang::detect_language(text).three_letter_code()
}

/// Kana is Japanese, Hangul Korean; Han characters without kana are Chinese. A name in another script
/// within a text settles nothing: a character counts as much as four letters.
fn by_script(text: &str) -> Option<Language> {
    let count = |first: char, last: char| text.chars().filter(|c| (first..=last).contains(c)).count();
    let (kana, hangul, han) =
        (count('\u{3041}', '\u{30ff}'), count('\u{ac00}', '\u{d7a3}'), count('\u{3400}', '\u{9fff}'));
    let dense = kana + hangul + han;
    let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
    if dense > 0 && 4 * dense >= letters.saturating_sub(dense) {
        let code = if hangul > kana + han {
            "ko"
        } else if kana > 0 {
            "ja"
        } else {
            "zh"
        };
        return Language::from_code(code);
    }
    let code = match whatlang::detect_script(text)? {
        Script::Greek => "el",
        Script::Hebrew => "he",
        Script::Thai => "th",
        _ => return None,
    };
    Language::from_code(code)
}

fn has_small_word(text: &str, words: &str) -> bool {
    text.split(|letter: char| !letter.is_alphabetic() && letter != '\'')
        .any(|word| !word.is_empty() && words.split(' ').any(|known| known == word.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Language::of(text).map_or("unsure", Language::code), expected, "{text}");
    }

    #[test]
    fn sentences_are_told_apart() {
        check("I loved it, what a wonderful film", "en");
        check("Ich fand den Film sehr langweilig", "de");
        check("Je n'ai pas du tout aimé ce film", "fr");
        check("Me gustó mucho la película", "es");
        check("È stato un film molto noioso", "it");
        check("Wat een geweldige film, ik heb er van genoten", "nl");
        check("Não gostei nada deste filme", "pt");
        check("To był naprawdę wspaniały film, ale nie dla wszystkich", "pl");
        check("Мне очень понравился этот фильм", "ru");
    }

    #[test]
    fn a_script_of_one_language_needs_few_letters() {
        check("太无聊了", "zh");
        check("つまらない", "ja");
        check("재미없다", "ko");
        check("面白い映画でした", "ja");
        check("שלום עולם, זה סרט נפלא", "he");
    }

    #[test]
    fn a_short_text_or_none_stays_open() {
        for text in ["", " ", "film", "Casablanca", "The Matrix 1999 BluRay"] {
            assert!(matches!(Language::of(text).map_or("unsure", Language::code), "unsure" | "en"), "{text}");
        }
        check("Ἀθῆναι and 東京, a comparison of two cities", "en");
        check("42 :-)", "unsure");
        check("Super Mario Bros", "unsure");
    }

    #[test]
    fn every_language_is_found_by_its_code() {
        for (code, ..) in LANGUAGES {
            assert_eq!(Language::from_code(code).map(Language::code), Some(code));
        }
        assert_eq!(Language::from_code("xx"), None);
    }
}
