//! A small house to test in: items with vectors of chosen geometry, people, events.

use std::collections::BTreeMap;

use attuned_recommender::{
    Comment, Content, Context, Embedding, Event, EventType, Filter, Input, Item, ItemId, Modality, Ranked,
    Recommender, Request, SEMANTIC_DIM, Settings, Timestamp, UserId,
};

pub const DAY: i64 = 86_400_000;
/// 2026-11-22T00:00:00Z.
pub const START: i64 = 1_795_305_600_000;

pub fn day(days: i64) -> Timestamp {
    Timestamp::from_unix_ms(START + days * DAY)
}

pub fn item_id(text: &str) -> ItemId {
    ItemId::parse(text).expect("an item id")
}

pub fn user_id(text: &str) -> UserId {
    UserId::parse(text).expect("a user id")
}

/// SplitMix64, so that tests need no other source of randomness.
#[derive(Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Nearly normal: the sum of twelve uniform numbers less six.
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.unit()).sum::<f32>() - 6.0
    }

    /// A random direction.
    pub fn direction(&mut self) -> Vec<f32> {
        let values: Vec<f32> = (0..SEMANTIC_DIM).map(|_| self.normal()).collect();
        Embedding::from_values(values).expect("a direction").as_slice().to_vec()
    }
}

/// `sqrt(w)` of each part: the square roots of the shares of variance become cosines.
pub fn mix(parts: &[(&[f32], f32)]) -> Embedding {
    let mut sum = vec![0.0; SEMANTIC_DIM];
    for (part, share) in parts {
        for (sum, value) in sum.iter_mut().zip(*part) {
            *sum += share.sqrt() * value;
        }
    }
    Embedding::from_values(sum).expect("a direction")
}

pub fn house_item(id: &str, kind: &str) -> Item {
    Item {
        id: item_id(id),
        kind: kind.to_owned(),
        title: None,
        text: None,
        tags: Vec::new(),
        attributes: BTreeMap::new(),
        published_at: None,
        expires_at: None,
        provider: None,
    }
}

pub fn semantic(modality: Modality, vector: Embedding) -> Content {
    Content { semantic: [(modality, vector)].into(), ..Content::default() }
}

pub fn event(user: &str, item: &str, event_type: EventType, value: Option<f32>, at: Timestamp) -> Event {
    Event {
        user: user_id(user),
        item: item_id(item),
        event_type,
        value,
        at,
        context: Context::new(),
        comment: None::<Comment>,
    }
}

pub fn request(users: &[&str], n: usize) -> Request {
    Request {
        users: users.iter().map(|user| user_id(user)).collect(),
        n,
        kinds: Vec::new(),
        context: Context::new(),
        query: None,
        exclude: Vec::new(),
        filter: Filter::default(),
        diversity: None,
        calibration: None,
        explore: false,
        seen: false,
        language: None,
        seed: 1,
    }
}

pub struct House {
    pub recommender: Recommender,
    pub now: Timestamp,
}

impl House {
    pub fn new() -> House {
        House::with(Settings::default())
    }

    pub fn with(settings: Settings) -> House {
        House { recommender: Recommender::new(settings), now: day(0) }
    }

    pub fn put(&mut self, item: Item, content: Content) {
        self.recommender.apply(Input::PutItem { item, content }, self.now);
    }

    pub fn does(&mut self, user: &str, item: &str, event_type: EventType, value: Option<f32>) {
        let event = event(user, item, event_type, value, self.now);
        self.recommender.apply(Input::Event(event), self.now);
    }

    pub fn list(&self, request: &Request) -> Vec<Ranked> {
        let shortlist = self.recommender.shortlist(request, self.now);
        self.recommender.rank(shortlist, &[], request, self.now)
    }

    /// `subjects` subjects of `each` items `s<subject>:<number>`: cosine `within` between two items
    /// of a subject, `between` for two of different ones, with some scatter.
    pub fn furnish(&mut self, subjects: usize, each: usize, within: f32, between: f32, seed: u64) {
        let mut dice = Dice(seed);
        let common = dice.direction();
        for subject in 0..subjects {
            let centre = dice.direction();
            for number in 0..each {
                let own = dice.direction();
                let near = (within + 0.05 * dice.normal()).clamp(between + 0.05, 0.9);
                let vector = mix(&[(&common, between), (&centre, near - between), (&own, 1.0 - near)]);
                let mut item = house_item(&format!("s{subject}:{number}"), "film");
                item.title = Some(format!("Film {subject}.{number}"));
                self.put(item, semantic(Modality::Text, vector));
            }
        }
    }

    /// How many of the first 20 for `user` are of a subject.
    pub fn share(&self, user: &str, subject: usize) -> usize {
        let prefix = format!("s{subject}:");
        let list = self.list(&request(&[user], 20));
        list.iter().filter(|ranked| ranked.item.as_str().starts_with(&prefix)).count()
    }
}

pub fn ids(list: &[Ranked]) -> String {
    list.iter().map(|ranked| ranked.item.as_str()).collect::<Vec<_>>().join(" ")
}
