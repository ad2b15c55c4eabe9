//! The relevance cut-off: what matches is kept, and a query that matches nothing finds nothing.
//!
//! Catalogues are drawn from all data sets and searched by the recommender itself. Only what
//! belongs to the odd half by its name is drawn: the other half set the constants (see
//! `models/train/relevance.py`, which tells the halves apart alike).

use std::collections::BTreeMap;
use std::sync::Arc;

use attuned_encoders::Encoding;
use attuned_recommender::{
    Content as Understood, Filter, Input, Item, ItemId, Modality, ModelEmbedding, Query, Recommender,
    Settings, Timestamp,
};

use super::folders::{Content, DataSet};
use super::statistics::Dice;
use super::{Fusion, Models, Part, files, texts};

/// Sizes of the catalogues.
const SIZES: [usize; 4] = [20, 80, 400, 1200];

/// Catalogues of each size.
const CATALOGUES: usize = 20;

/// Queries that match, and as many that do not, for each catalogue.
const QUERIES: usize = 12;

/// Most items of one data set, so that encoding them takes minutes at most.
const ITEMS_MAX: usize = 700;

/// A right answer below this place without the cut-off is not missed with it.
const PLACES: usize = 10;

/// What people ask elsewhere, words at random, and no words at all.
const OFF_TOPIC: [&str; 60] = [
    "value added tax refund",
    "renewal of a driving licence",
    "double-entry bookkeeping",
    "habeas corpus petition",
    "spectral theorem for compact operators",
    "transfer RNA anticodon",
    "monetary policy committee",
    "acute pancreatitis",
    "JSON web token expired",
    "doctoral thesis defence regulations",
    "overdraft fee waiver",
    "proportional representation threshold",
    "enthalpy of vaporisation",
    "third party liability cover",
    "insolvency administrator",
    "oxidation states of manganese",
    "dative plural endings",
    "parental leave entitlement",
    "bond yield curve inversion",
    "lipid profile reference values",
    "categorical imperative",
    "Peace of Augsburg",
    "fixed-rate mortgage repayment",
    "band gap of gallium arsenide",
    "Riemann hypothesis",
    "#include <stdio.h>",
    "capital of Kyrgyzstan",
    "continental drift hypothesis",
    "cartel fine",
    "molar mass of glucose",
    "polling station opening hours",
    "occupational pension scheme",
    "segmentation fault core dumped",
    "your parcel is held at customs",
    "dolor sit amet consectetur",
    "feudal land tenure",
    "CRISPR off-target effects",
    "just-in-time inventory",
    "heteroscedasticity test",
    "terms of trade deterioration",
    "half-life of caesium-137",
    "appellate jurisdiction",
    "titration end point",
    "phenomenology of perception",
    "trademark opposition procedure",
    "statutory audit requirement",
    "thyroid function test",
    "maximum likelihood estimator",
    "collective wage agreement",
    "land registry extract",
    "qwrtp zxcvbn",
    "blorfen",
    "ghkls wqeiuy mnbvc",
    "xqj",
    "aaaa bbbb cccc",
    "vrumtel oskad pliff",
    "ledger gravel subsidy",
    "quorum tendon decimal",
    "axiom turnip clause",
    "syllable tariff gusset",
];

/// Something that can be in a catalogue, and what asks for it.
struct Candidate {
    /// What kind of pair the answer is.
    pair: &'static str,
    content: Understood,
    queries: Vec<Arc<Encoding>>,
    /// Candidates of one answer each other's queries as well.
    answers: String,
}

pub(super) fn measure(sets: &[DataSet], models: &mut Models<'_>, relevance_min: f32) -> Result<Part, String> {
    let candidates: Vec<Candidate> = sets.iter().flat_map(|set| candidates(set, models)).collect();
    if candidates.len() < SIZES[0] {
        return Err(format!(
            "{} items that words may find, expected at least {}",
            candidates.len(),
            SIZES[0]
        ));
    }
    let off = texts(&mut models.encode, OFF_TOPIC.iter().map(|query| (*query).to_owned()));
    let off: Vec<Arc<Encoding>> = off.into_iter().flatten().collect();
    if off.is_empty() {
        return Err("words cannot be encoded".to_owned());
    }
    let mut part = Part::of("relevance cut-off");
    let mut by_pair: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for size in SIZES.into_iter().filter(|size| *size <= candidates.len()) {
        let (mut kept, mut empty, mut found) = (Vec::new(), Vec::new(), Vec::new());
        for draw in 0..CATALOGUES {
            let mut dice = Dice((size * CATALOGUES + draw) as u64);
            let catalogue: Vec<&Candidate> =
                dice.sample(candidates.len(), size).into_iter().map(|place| &candidates[place]).collect();
            let (open, strict) = (furnished(&catalogue, 0.0), furnished(&catalogue, relevance_min));
            for _ in 0..QUERIES {
                let asked = catalogue[dice.below(size)];
                let asking = query(&asked.queries[dice.below(asked.queries.len())]);
                if answered(&search(&open, &asking), asked, &catalogue) {
                    let cut = search(&strict, &asking);
                    let hit = f64::from(u8::from(answered(&cut, asked, &catalogue)));
                    kept.push(hit);
                    by_pair.entry(asked.pair).or_default().push(hit);
                    found.push(cut.len() as f64);
                }
                let asking = query(&off[dice.below(off.len())]);
                empty.push(f64::from(u8::from(search(&strict, &asking).is_empty())));
            }
        }
        part.add(format!("right answers of the first {PLACES} kept, {size} items"), &kept, None);
        part.add(format!("off-topic queries that find nothing, {size} items"), &empty, None);
        part.add(format!("answers to a query that matches, at most {PLACES}, {size} items"), &found, None);
    }
    for (pair, kept) in by_pair {
        part.add(format!("right answers kept, {pair}"), &kept, None);
    }
    Ok(part)
}

/// What of a data set can be found by words.
fn candidates(set: &DataSet, models: &mut Models<'_>) -> Vec<Candidate> {
    let encode = &mut models.encode;
    let fusion = models.fusions.iter().find(|fusion| fusion.used);
    match &set.content {
        Content::Captions(photos) => {
            let photos: Vec<_> = photos
                .iter()
                .filter(|photo| photo.captions.len() > 1 && photo.file.file_name().is_some_and(in_odd_half))
                .collect();
            let pictures = files(encode, "photos", Modality::Image, photos.iter().map(|photo| &photo.file));
            let photos = photos.into_iter().zip(pictures).enumerate();
            photos
                .filter_map(|(place, (photo, picture))| {
                    let mut captions = texts(encode, photo.captions.iter().cloned())
                        .into_iter()
                        .collect::<Option<Vec<_>>>()?;
                    let first = captions.remove(0);
                    // Every third item is a photograph alone, every third words alone.
                    let (pair, parts) = match place % 3 {
                        0 => ("words and a picture", vec![picture?]),
                        1 => ("words and words", vec![first]),
                        _ => ("words, and words with a picture", vec![first, picture?]),
                    };
                    let answers = photo.file.display().to_string();
                    Some(Candidate { pair, content: understood(&parts, fusion), queries: captions, answers })
                })
                .collect()
        }
        Content::Classes(classes) => {
            let cases: Vec<_> = classes
                .cases
                .iter()
                .filter(|(file, ..)| file.file_name().is_some_and(in_odd_half))
                .take(ITEMS_MAX)
                .collect();
            let encodings = files(encode, "media", classes.modality, cases.iter().map(|(file, ..)| file));
            let names = texts(encode, classes.names.iter().cloned());
            let pair = match classes.modality {
                Modality::Audio => "words and a sound",
                Modality::Text | Modality::Image | Modality::Video => "a name and a picture",
            };
            let cases = cases.into_iter().zip(encodings);
            cases
                .filter_map(|((_, class, _), encoding)| {
                    let queries = vec![names.get(*class)?.clone()?];
                    let answers = format!("{}/{}", set.name, classes.names[*class]);
                    Some(Candidate { pair, content: understood(&[encoding?], fusion), queries, answers })
                })
                .collect()
        }
        Content::Items(items) => {
            let items: Vec<_> = items
                .iter()
                .filter(|item| !item.summary.is_empty() && odd_half(&item.text))
                .take(ITEMS_MAX)
                .collect();
            let encodings = texts(encode, items.iter().map(|item| item.text.clone()));
            let summaries = texts(encode, items.iter().map(|item| item.summary.clone()));
            let items = items.into_iter().zip(encodings.into_iter().zip(summaries));
            items
                .filter_map(|(item, (encoding, summary))| {
                    let (content, queries) = (understood(&[encoding?], fusion), vec![summary?]);
                    let answers = item.text.clone();
                    Some(Candidate { pair: "a summary and a description", content, queries, answers })
                })
                .collect()
        }
        Content::Films(_) | Content::Recordings(_) | Content::Spoken(_) => Vec::new(),
    }
}

fn in_odd_half(name: &std::ffi::OsStr) -> bool {
    name.to_str().is_some_and(odd_half)
}

/// By bit 32 of the name's FNV-1a hash, as in `models/train/relevance.py`.
fn odd_half(name: &str) -> bool {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash >> 32 & 1 == 1
}

/// The content of an item of these pieces, joined as the daemon joins them.
fn understood(parts: &[Arc<Encoding>], fusion: Option<&Fusion<'_>>) -> Understood {
    let mut content = Understood::default();
    for part in parts {
        let made = ModelEmbedding { model: part.model.clone(), embedding: part.embedding.clone() };
        content.embeddings.insert(part.modality, made);
        content.semantic.insert(part.modality, part.semantic.clone());
    }
    content.fused = fusion.and_then(|fusion| (fusion.fuse)(&content.semantic)).map(Box::new);
    content
}

/// A query of one part. Its words are not looked for literally, as the items have no titles.
fn query(part: &Encoding) -> Query {
    let made = ModelEmbedding { model: part.model.clone(), embedding: part.embedding.clone() };
    Query {
        semantic: [(part.modality, part.semantic.clone())].into(),
        embeddings: [(part.modality, made)].into(),
        ..Query::default()
    }
}

/// A recommender that knows these, as `item:<place>`.
fn furnished(catalogue: &[&Candidate], relevance_min: f32) -> Recommender {
    let mut recommender = Recommender::new(Settings { relevance_min, ..Settings::default() });
    for (place, candidate) in catalogue.iter().enumerate() {
        let item = Item {
            id: ItemId::parse(&format!("item:{place}")).expect("letters, a colon and digits are an id"),
            kind: "case".to_owned(),
            title: None,
            text: None,
            tags: Vec::new(),
            attributes: BTreeMap::new(),
            published_at: None,
            expires_at: None,
            provider: None,
        };
        recommender
            .apply(Input::PutItem { item, content: candidate.content.clone() }, Timestamp::from_unix_ms(0));
    }
    recommender
}

/// The places in the catalogue of what is found.
fn search(recommender: &Recommender, query: &Query) -> Vec<usize> {
    let found = recommender.search(query, &[], &Filter::default(), PLACES, Timestamp::from_unix_ms(0));
    found.matches.iter().filter_map(|found| found.item.as_str().strip_prefix("item:")?.parse().ok()).collect()
}

fn answered(found: &[usize], asked: &Candidate, catalogue: &[&Candidate]) -> bool {
    found.iter().any(|place| catalogue[*place].answers == asked.answers)
}
