//! The store on real files.

mod basics;
mod damage;
mod faults;
mod limits;
mod properties;
mod samples;

use attuned_recommender::state::{
    Fading, HouseholdState, Leaning, LearntWeight, PastEvent, Remark, Tally, Taste, UserState,
};
use attuned_recommender::{
    Comment, Content, Embedding, Event, EventId, EventType, Explored, FusedContent, Instead, Item, ItemId,
    Label, Modality, ModelEmbedding, Timestamp, UserId, Value,
};

use super::{
    MediaHash, MediaSource, OpenReport, OutboxMessage, Store, StoreSettings, StoredItem, StoredMedia,
    StoredShown, Write,
};

pub fn open(folder: &tempfile::TempDir) -> (Store, OpenReport) {
    Store::open(settings(folder)).expect("opens")
}

pub fn settings(folder: &tempfile::TempDir) -> StoreSettings {
    StoreSettings::new(folder.path().join("store"))
}

pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

pub fn item_id(id: &str) -> ItemId {
    ItemId::parse(id).expect("an id")
}

pub fn user(id: &str) -> UserId {
    UserId::parse(id).expect("an id")
}

pub fn event_id(id: &str) -> EventId {
    EventId::parse(id).expect("an id")
}

/// An embedding of `dim` values that differ from each other and by `salt`.
pub fn embedding(dim: usize, salt: u32) -> Embedding {
    let values = (0..dim).map(|i| ((i as f32 + 1.0) * (salt as f32 + 0.37)).sin()).collect();
    Embedding::from_values(values).expect("finite")
}

pub fn event(who: &str, item: &str, event_type: EventType) -> Event {
    Event {
        user: user(who),
        item: item_id(item),
        event_type,
        value: Some(0.5),
        at: at(1_795_000_000_000),
        context: [("room".to_owned(), Value::Text("living".to_owned()))].into(),
        comment: None,
    }
}

pub fn append(who: &str, item: &str, id: &str) -> Write {
    Write::AppendEvent { event: event(who, item, EventType::Play), id: Some(event_id(id)) }
}

pub fn comment() -> Comment {
    Comment { sentiment: Some(-0.25), semantic: Some(embedding(384, 9)) }
}

pub fn message(topic: &str, expires_ms: Option<i64>) -> OutboxMessage {
    OutboxMessage {
        topic: topic.to_owned(),
        payload: b"{\"state\":\"online\"}".to_vec(),
        retain: true,
        correlation: Some(vec![1, 2, 3]),
        expires_at: expires_ms.map(at),
    }
}

/// An item with everything an item can have.
pub fn full_item(id: &str) -> StoredItem {
    StoredItem {
        item: Item {
            id: item_id(id),
            kind: "film".to_owned(),
            title: Some("The Third Man".to_owned()),
            text: Some("Post-war Vienna …".to_owned()),
            tags: vec!["zither".to_owned(), "noir".to_owned()],
            attributes: [
                ("duration_min".to_owned(), Value::Number(104.0)),
                ("colour".to_owned(), Value::Bool(false)),
                (
                    "language".to_owned(),
                    Value::List(vec![Value::Text("en".to_owned()), Value::Text("de".to_owned())]),
                ),
                (
                    "crew".to_owned(),
                    Value::Map([("director".to_owned(), Value::Text("Reed".to_owned()))].into()),
                ),
            ]
            .into(),
            published_at: Some(at(-640_000_000_000)),
            expires_at: Some(at(1_900_000_000_000)),
            provider: Some("library".to_owned()),
        },
        media: vec![
            StoredMedia { modality: Modality::Image, source: MediaSource::Path("posters/42.jpg".into()) },
            StoredMedia { modality: Modality::Audio, source: MediaSource::Hash(MediaHash::of(b"zither")) },
        ],
        own_embeddings: [(Modality::Image, embedding(512, 3))].into(),
        content: Some(content(1)),
        content_pending: true,
    }
}

/// An item with nothing but an id and a kind.
pub fn plain_item(id: &str) -> StoredItem {
    StoredItem {
        item: Item {
            id: item_id(id),
            kind: "picture".to_owned(),
            title: None,
            text: None,
            tags: vec![],
            attributes: [].into(),
            published_at: None,
            expires_at: None,
            provider: None,
        },
        media: vec![],
        own_embeddings: [].into(),
        content: None,
        content_pending: false,
    }
}

pub fn content(salt: u32) -> Content {
    let image = ModelEmbedding { model: "efficientnet-lite0@1".to_owned(), embedding: embedding(1280, salt) };
    let text = ModelEmbedding { model: "all-minilm-l6-v2@1".to_owned(), embedding: embedding(384, salt + 1) };
    let label = |name: &str, score| Label { name: name.to_owned(), score };
    Content {
        embeddings: [(Modality::Image, image), (Modality::Text, text)].into(),
        semantic: [(Modality::Image, embedding(384, salt + 2)), (Modality::Text, embedding(384, salt + 1))]
            .into(),
        labels: [(Modality::Image, vec![label("ferris wheel", 0.75), label("sewer", 0.125)])].into(),
        fused: Some(Box::new(FusedContent {
            model: "fusion@1".to_owned(),
            embedding: embedding(384, salt + 3),
            shares: [(Modality::Image, 0.375), (Modality::Text, 0.625)].into(),
        })),
    }
}

/// A profile with something in every field.
pub fn user_state() -> UserState {
    let fading = |value| Fading { value, at: 1_795_000_000_000 };
    let leaning = Leaning { liked: fading(1.5), disliked: fading(0.25) };
    let tally = Tally {
        leaning,
        liked_turn: 7,
        disliked_turn: 2,
        liked_by: Some(EventType::Complete),
        disliked_by: Some(EventType::Skip),
        seen: true,
        hidden: false,
        skipped_at: Some(1_794_000_000_000),
        plays: 3,
        shown: 4,
        stars: Some(4.5),
        completion: Some(0.75),
        ignored: fading(0.5),
        last_at: 1_795_000_000_001,
    };
    let remark = Remark {
        item: item_id("film:1"),
        semantic: vec![0.6, -0.8],
        strength: -0.5,
        turn: 5,
        at: 1_795_000_000_002,
    };
    let weight =
        LearntWeight { own: 0.1, own_squares: 0.2, shared: -0.3, shared_squares: 0.4, shared_lessons: 6 };
    let taste = Taste {
        items: [(item_id("film:1"), tally), (item_id("film:2"), Tally::default())].into(),
        tags: [("noir".to_owned(), leaning)].into(),
        kinds: [("film".to_owned(), leaning)].into(),
        circumstances: [(("room=living".to_owned(), "film".to_owned()), fading(2.0))].into(),
        remarks: vec![remark],
        weights: [("similarity".to_owned(), weight)].into(),
        lessons: 11,
        counts: EventType::ALL.into_iter().zip(1..).collect(),
        events: 91,
        last_at: Some(1_795_000_000_003),
    };
    let past = PastEvent {
        item: item_id("film:1"),
        event_type: EventType::Comment,
        value: Some(0.75),
        at: 1_795_000_000_004,
        circumstances: vec!["room=living".to_owned()],
        sentiment: Some(-0.125),
        semantic: Some(vec![0.0, 1.0]),
    };
    UserState { taste, base: Taste::default(), recent: vec![past] }
}

pub fn household_state() -> HouseholdState {
    HouseholdState { added: [(item_id("film:1"), 1_795_000_000_000), (item_id("film:2"), -1)].into() }
}

/// A list of one explored place, so many milliseconds after a moment.
pub fn some_shown(who: &str, ms: i64) -> StoredShown {
    let explored = Explored {
        place: 9,
        item: item_id("film:1"),
        propensity: 0.125,
        score: 0.5,
        present: Instead { same: false, score: 0.75 },
        shadow: Some(Instead { same: true, score: 0.25 }),
    };
    StoredShown {
        at: at(1_795_000_000_000 + ms),
        users: vec![user(who)],
        ranker: 3,
        shadow: Some(4),
        explored: vec![explored],
    }
}
