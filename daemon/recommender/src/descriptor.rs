//! What an item is, as a short row of whole numbers, for fitting other things to content.
//!
//! Facets (kind, tags, provider, attributes) are hashed into a fixed number of places, what was
//! understood of the media is the sketch of its vectors. Whole numbers, as sums of their products are
//! exact: what is added and taken away again leaves nothing behind, in whatever order.

use std::collections::BTreeSet;

use crate::context::Value;
use crate::item::Item;
use crate::random::hash;
use crate::sketch::{SKETCH_DIM, Sketch};

/// Places of hashed facets. Source of the method: Weinberger et al., "Feature hashing for large
/// scale multitask learning", ICML 2009.
pub(crate) const FACETS: usize = 128;

/// Where the sketch begins in a descriptor, after a constant and the facets.
pub(crate) const MEDIA: usize = 1 + FACETS;

/// Length of a descriptor.
pub(crate) const DIM: usize = MEDIA + SKETCH_DIM;

/// What stands for 1.
pub(crate) const ONE: f32 = 1024.0;

/// Most facets of one item that count.
const FACETS_PER_ITEM_MAX: usize = 48;

/// Longer texts are no facets but content.
const FACET_BYTES_MAX: usize = 64;

/// Places of a descriptor that are not 0, each once, and their values in steps of `1 / ONE`.
pub(crate) type Sparse = Box<[(u16, i16)]>;

/// Rows of places and values by slot, in one array, so that going over all of them goes through memory in
/// order.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    values: Vec<(u16, i16)>,
    /// By slot, where its row begins, and how long it is.
    spans: Vec<(u32, u16)>,
    /// Values that are in no row any more.
    unused: usize,
}

impl Rows {
    /// The row of a slot; empty if there is none.
    #[inline]
    pub(crate) fn row(&self, slot: u32) -> &[(u16, i16)] {
        let (start, len) = self.spans.get(slot as usize).copied().unwrap_or_default();
        &self.values[start as usize..][..usize::from(len)]
    }

    /// Puts a row, of at most [`DIM`] places, in the place of a slot's.
    pub(crate) fn set(&mut self, slot: u32, row: &[(u16, i16)]) {
        let slot = slot as usize;
        if self.spans.len() <= slot {
            self.spans.resize(slot + 1, (0, 0));
        }
        let (start, len) = self.spans[slot];
        if usize::from(len) == row.len() {
            self.values[start as usize..][..row.len()].copy_from_slice(row);
            return;
        }
        self.unused += usize::from(len);
        self.spans[slot] = (self.values.len() as u32, row.len() as u16);
        self.values.extend_from_slice(row);
        if 2 * self.unused > self.values.len() {
            self.pack();
        }
    }

    fn pack(&mut self) {
        let mut values = Vec::with_capacity(self.values.len() - self.unused);
        for (start, len) in &mut self.spans {
            let row = &self.values[*start as usize..][..usize::from(*len)];
            *start = values.len() as u32;
            values.extend_from_slice(row);
        }
        (self.values, self.unused) = (values, 0);
    }
}

/// The facets of an item, together of about unit length.
pub(crate) fn facets(item: &Item, tags: &[String]) -> Sparse {
    let mut named: BTreeSet<String> = BTreeSet::new();
    named.insert(format!("kind={}", item.kind));
    named.extend(tags.iter().map(|tag| format!("tag={tag}")));
    named.extend(item.provider.iter().map(|provider| format!("provider={provider}")));
    for (name, value) in &item.attributes {
        say(name, value, &mut named);
    }
    let count = named.len().clamp(1, FACETS_PER_ITEM_MAX);
    let step = ONE / (count as f32).sqrt();
    let mut row = [0.0_f32; FACETS];
    for facet in named.iter().take(FACETS_PER_ITEM_MAX) {
        let hash = hash(facet);
        let sign = if hash >> 63 == 0 { step } else { -step };
        row[(hash % FACETS as u64) as usize] += sign;
    }
    sparse(1, &row)
}

/// The whole descriptor of an item with these facets and this sketch.
pub(crate) fn descriptor(facets: &[(u16, i16)], sketch: &Sketch) -> Sparse {
    let media = sketch.map(|value| value * ONE);
    let media = sparse(MEDIA, &media);
    [(0, ONE as i16)].iter().chain(facets.iter()).chain(media.iter()).copied().collect()
}

fn sparse(first: usize, row: &[f32]) -> Sparse {
    (first..)
        .zip(row)
        .map(|(place, value)| (place as u16, value.round() as i16))
        .filter(|(_, value)| *value != 0)
        .collect()
}

/// An attribute's facets: texts part by part (`Drama, Comedy` is two) and the years in them, numbers
/// by the quarter of an octave that they lie in.
fn say(name: &str, value: &Value, named: &mut BTreeSet<String>) {
    match value {
        Value::Bool(truth) => {
            named.insert(format!("{name}={truth}"));
        }
        Value::Number(number) => {
            let octave = (4.0 * (1.0 + number.abs()).log2()).round() * number.signum();
            named.insert(format!("{name}~{octave}"));
        }
        Value::Text(text) => {
            let parts = text.split(',').map(|part| part.trim().to_lowercase());
            for part in parts.filter(|part| !part.is_empty() && part.len() <= FACET_BYTES_MAX) {
                named.extend(years(&part).map(|year| format!("{name}~{year}")));
                named.insert(format!("{name}={part}"));
            }
        }
        Value::List(values) => values.iter().for_each(|value| {
            // Lists in lists are no facets; they would let one attribute go on for ever.
            if !matches!(value, Value::List(_)) {
                say(name, value, named);
            }
        }),
        Value::Map(_) => {}
    }
}

/// Runs of exactly four digits.
fn years(text: &str) -> impl Iterator<Item = &str> {
    let digits = |run: &&str| run.len() == 4 && run.bytes().all(|byte| byte.is_ascii_digit());
    text.split(|c: char| !c.is_alphanumeric()).filter(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: Value, expected: &[&str]) {
        let mut named = BTreeSet::new();
        say(name, &value, &mut named);
        assert_eq!(named.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn attributes_become_facets() {
        check("language", Value::Text("English, French".into()), &["language=english", "language=french"]);
        check("released", Value::Text("01-Jan-1995".into()), &["released=01-jan-1995", "released~1995"]);
        check("minutes", Value::Number(93.0), &["minutes~26"]);
        check("minutes", Value::Number(95.0), &["minutes~26"]);
        check("colour", Value::Bool(true), &["colour=true"]);
        let list = Value::List(vec![Value::Text("a".into()), Value::List(vec![Value::Bool(true)])]);
        check("cast", list, &["cast=a"]);
        check("plot", Value::Text("x".repeat(FACET_BYTES_MAX + 1)), &[]);
    }

    #[test]
    fn rows_are_kept_whatever_comes_and_goes_beside_them() {
        let mut rows = Rows::default();
        let mut expected: Vec<Vec<(u16, i16)>> = vec![Vec::new(); 7];
        for turn in 0..500_u16 {
            let slot = usize::from(turn * 5 % 7);
            expected[slot] = (0..turn * 11 % 13).map(|place| (place, turn as i16)).collect();
            rows.set(slot as u32, &expected[slot]);
            (0..).zip(&expected).for_each(|(slot, row)| assert_eq!(rows.row(slot), row));
            assert!(rows.values.len() <= 2 * expected.iter().map(Vec::len).sum::<usize>().max(13));
        }
        assert!(rows.row(99).is_empty());
    }

    #[test]
    fn a_descriptor_has_each_place_once_and_about_unit_parts() {
        let item = Item {
            id: crate::id::ItemId::parse("film:1").expect("valid"),
            kind: "film".into(),
            title: None,
            text: None,
            tags: Vec::new(),
            attributes: (0..100).map(|i| (format!("a{i}"), Value::Bool(true))).collect(),
            published_at: None,
            expires_at: None,
            provider: Some("library".into()),
        };
        let mut more = item.clone();
        more.attributes.insert("later in the order".into(), Value::Bool(true));
        assert_eq!(facets(&item, &[]), facets(&more, &[]), "only so many facets count");
        let facets = facets(&item, &["noir".to_owned()]);
        let whole = descriptor(&facets, &[0.125; SKETCH_DIM]);
        let places: BTreeSet<u16> = whole.iter().map(|(place, _)| *place).collect();
        assert_eq!(places.len(), whole.len());
        assert!(places.iter().all(|place| usize::from(*place) < DIM));
        assert_eq!(whole[0], (0, ONE as i16));
        let squares: f32 = facets.iter().map(|(_, value)| (f32::from(*value) / ONE).powi(2)).sum();
        assert!((0.3..3.0).contains(&squares), "{squares}");
    }
}
