//! What was learnt: profiles of users and of the household.

use std::collections::BTreeMap;

use attuned_recommender::state::{
    Fading, HouseholdState, Leaning, LearntWeight, PastEvent, Remark, Tally, Taste, UserState,
};
use attuned_recommender::{EventType, ItemId};
use serde::{Deserialize, Serialize};

use super::{pack, unknown_version, unpack};

/// The version of people's profiles that is written.
pub const USER_VERSION: u8 = 2;

/// The version of the household's profile that is written.
pub const HOUSEHOLD_VERSION: u8 = 1;

/// A profile, and the number of the last event that it contains.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot<T> {
    pub through: u64,
    pub state: T,
}

/// The payload of a user's profile.
pub fn encode_user(through: u64, state: &UserState) -> Vec<u8> {
    let UserState { taste, base, recent } = state;
    pack(&UserV2 {
        through,
        taste: taste.into(),
        base: base.into(),
        recent: recent.iter().map(PastEventV1::from).collect(),
    })
}

/// The profile of a user in a payload.
pub fn decode_user(version: u8, payload: &[u8]) -> Result<Snapshot<UserState>, String> {
    match version {
        1 => unpack::<UserV1>(payload)?.try_into(),
        2 => unpack::<UserV2>(payload)?.try_into(),
        newer => Err(unknown_version(newer, USER_VERSION)),
    }
}

/// The payload of the household's profile.
pub fn encode_household(through: u64, state: &HouseholdState) -> Vec<u8> {
    let HouseholdState { added } = state;
    let added = added.iter().map(|(item, at)| (item.to_string(), *at)).collect();
    pack(&HouseholdV1 { through, added })
}

/// The profile of the household in a payload.
pub fn decode_household(version: u8, payload: &[u8]) -> Result<Snapshot<HouseholdState>, String> {
    match version {
        1 => {
            let HouseholdV1 { through, added } = unpack(payload)?;
            let added = added.into_iter().map(|(item, at)| Ok((item_id(&item)?, at)));
            let state = HouseholdState { added: added.collect::<Result<_, String>>()? };
            Ok(Snapshot { through, state })
        }
        newer => Err(unknown_version(newer, HOUSEHOLD_VERSION)),
    }
}

/// A profile whose tallies are of one version or another.
#[derive(Serialize, Deserialize)]
struct User<T> {
    through: u64,
    taste: TasteOf<T>,
    base: TasteOf<T>,
    recent: Vec<PastEventV1>,
}

type UserV1 = User<TallyV1>;
type UserV2 = User<TallyV2>;

#[derive(Serialize, Deserialize)]
struct HouseholdV1 {
    through: u64,
    added: Vec<(String, i64)>,
}

#[derive(Serialize, Deserialize)]
struct TasteOf<T> {
    items: Vec<(String, T)>,
    tags: Vec<(String, LeaningV1)>,
    kinds: Vec<(String, LeaningV1)>,
    circumstances: Vec<(String, String, FadingV1)>,
    remarks: Vec<RemarkV1>,
    weights: Vec<(String, LearntWeightV1)>,
    lessons: u64,
    counts: Vec<(String, u64)>,
    events: u64,
    last_at: Option<i64>,
}

/// Value, and milliseconds since the Unix epoch.
#[derive(Serialize, Deserialize)]
struct FadingV1(f32, i64);

/// Liked, disliked.
#[derive(Serialize, Deserialize)]
struct LeaningV1(FadingV1, FadingV1);

#[derive(Serialize, Deserialize)]
struct TallyV1 {
    leaning: LeaningV1,
    liked_turn: u64,
    disliked_turn: u64,
    liked_by: Option<String>,
    disliked_by: Option<String>,
    seen: bool,
    hidden: bool,
    skipped_at: Option<i64>,
    plays: u32,
    ignored: FadingV1,
    last_at: i64,
}

/// Without it, nothing is known of what was shown, rated and played how far.
#[derive(Serialize, Deserialize)]
struct TallyV2 {
    before: TallyV1,
    shown: u32,
    stars: Option<f32>,
    completion: Option<f32>,
}

#[derive(Serialize, Deserialize)]
struct RemarkV1 {
    item: String,
    semantic: Vec<f32>,
    strength: f32,
    turn: u64,
    at: i64,
}

#[derive(Serialize, Deserialize)]
struct LearntWeightV1 {
    own: f32,
    own_squares: f32,
    shared: f32,
    shared_squares: f32,
    shared_lessons: u32,
}

#[derive(Serialize, Deserialize)]
struct PastEventV1 {
    item: String,
    event_type: String,
    value: Option<f32>,
    at: i64,
    circumstances: Vec<String>,
    sentiment: Option<f32>,
    semantic: Option<Vec<f32>>,
}

impl<T> TryFrom<User<T>> for Snapshot<UserState>
where
    Tally: TryFrom<T, Error = String>,
{
    type Error = String;

    fn try_from(User { through, taste, base, recent }: User<T>) -> Result<Snapshot<UserState>, String> {
        let state = UserState {
            taste: taste.try_into()?,
            base: base.try_into()?,
            recent: recent.into_iter().map(PastEvent::try_from).collect::<Result<_, String>>()?,
        };
        Ok(Snapshot { through, state })
    }
}

impl From<&Taste> for TasteOf<TallyV2> {
    fn from(taste: &Taste) -> TasteOf<TallyV2> {
        let Taste { items, tags, kinds, circumstances, remarks, weights, lessons, counts, events, last_at } =
            taste;
        let leanings = |leanings: &BTreeMap<String, Leaning>| {
            leanings.iter().map(|(name, leaning)| (name.clone(), leaning.into())).collect()
        };
        let circumstance = |((circumstance, kind), fading): (&(String, String), &Fading)| {
            (circumstance.clone(), kind.clone(), fading.into())
        };
        TasteOf {
            items: items.iter().map(|(item, tally)| (item.to_string(), tally.into())).collect(),
            tags: leanings(tags),
            kinds: leanings(kinds),
            circumstances: circumstances.iter().map(circumstance).collect(),
            remarks: remarks.iter().map(RemarkV1::from).collect(),
            weights: weights.iter().map(|(name, weight)| (name.clone(), weight.into())).collect(),
            lessons: *lessons,
            counts: counts.iter().map(|(event_type, n)| (event_type.name().to_owned(), *n)).collect(),
            events: *events,
            last_at: *last_at,
        }
    }
}

impl<T> TryFrom<TasteOf<T>> for Taste
where
    Tally: TryFrom<T, Error = String>,
{
    type Error = String;

    fn try_from(taste: TasteOf<T>) -> Result<Taste, String> {
        let leanings = |leanings: Vec<(String, LeaningV1)>| {
            leanings.into_iter().map(|(name, leaning)| (name, leaning.into())).collect()
        };
        let to_item = |(item, tally): (String, T)| Ok((item_id(&item)?, tally.try_into()?));
        let to_count = |(name, n): (String, u64)| Ok((event_type(&name)?, n));
        Ok(Taste {
            items: taste.items.into_iter().map(to_item).collect::<Result<_, String>>()?,
            tags: leanings(taste.tags),
            kinds: leanings(taste.kinds),
            circumstances: taste
                .circumstances
                .into_iter()
                .map(|(circumstance, kind, fading)| ((circumstance, kind), fading.into()))
                .collect(),
            remarks: taste.remarks.into_iter().map(Remark::try_from).collect::<Result<_, String>>()?,
            weights: taste.weights.into_iter().map(|(name, weight)| (name, weight.into())).collect(),
            lessons: taste.lessons,
            counts: taste.counts.into_iter().map(to_count).collect::<Result<_, String>>()?,
            events: taste.events,
            last_at: taste.last_at,
        })
    }
}

impl From<&Fading> for FadingV1 {
    fn from(&Fading { value, at }: &Fading) -> FadingV1 {
        FadingV1(value, at)
    }
}

impl From<FadingV1> for Fading {
    fn from(FadingV1(value, at): FadingV1) -> Fading {
        Fading { value, at }
    }
}

impl From<&Leaning> for LeaningV1 {
    fn from(Leaning { liked, disliked }: &Leaning) -> LeaningV1 {
        LeaningV1(liked.into(), disliked.into())
    }
}

impl From<LeaningV1> for Leaning {
    fn from(LeaningV1(liked, disliked): LeaningV1) -> Leaning {
        Leaning { liked: liked.into(), disliked: disliked.into() }
    }
}

impl From<&Tally> for TallyV1 {
    fn from(tally: &Tally) -> TallyV1 {
        let name = |event_type: Option<EventType>| event_type.map(|known| known.name().to_owned());
        TallyV1 {
            leaning: (&tally.leaning).into(),
            liked_turn: tally.liked_turn,
            disliked_turn: tally.disliked_turn,
            liked_by: name(tally.liked_by),
            disliked_by: name(tally.disliked_by),
            seen: tally.seen,
            hidden: tally.hidden,
            skipped_at: tally.skipped_at,
            plays: tally.plays,
            ignored: (&tally.ignored).into(),
            last_at: tally.last_at,
        }
    }
}

impl TryFrom<TallyV1> for Tally {
    type Error = String;

    fn try_from(tally: TallyV1) -> Result<Tally, String> {
        Ok(Tally {
            leaning: tally.leaning.into(),
            liked_turn: tally.liked_turn,
            disliked_turn: tally.disliked_turn,
            liked_by: tally.liked_by.as_deref().map(event_type).transpose()?,
            disliked_by: tally.disliked_by.as_deref().map(event_type).transpose()?,
            seen: tally.seen,
            hidden: tally.hidden,
            skipped_at: tally.skipped_at,
            plays: tally.plays,
            ignored: tally.ignored.into(),
            last_at: tally.last_at,
            ..Tally::default()
        })
    }
}

impl From<&Tally> for TallyV2 {
    fn from(tally: &Tally) -> TallyV2 {
        let Tally { shown, stars, completion, .. } = *tally;
        TallyV2 { before: tally.into(), shown, stars, completion }
    }
}

impl TryFrom<TallyV2> for Tally {
    type Error = String;

    fn try_from(TallyV2 { before, shown, stars, completion }: TallyV2) -> Result<Tally, String> {
        Ok(Tally { shown, stars, completion, ..before.try_into()? })
    }
}

impl From<&Remark> for RemarkV1 {
    fn from(remark: &Remark) -> RemarkV1 {
        let Remark { item, semantic, strength, turn, at } = remark.clone();
        RemarkV1 { item: item.to_string(), semantic, strength, turn, at }
    }
}

impl TryFrom<RemarkV1> for Remark {
    type Error = String;

    fn try_from(RemarkV1 { item, semantic, strength, turn, at }: RemarkV1) -> Result<Remark, String> {
        Ok(Remark { item: item_id(&item)?, semantic, strength, turn, at })
    }
}

impl From<&LearntWeight> for LearntWeightV1 {
    fn from(weight: &LearntWeight) -> LearntWeightV1 {
        let LearntWeight { own, own_squares, shared, shared_squares, shared_lessons } = *weight;
        LearntWeightV1 { own, own_squares, shared, shared_squares, shared_lessons }
    }
}

impl From<LearntWeightV1> for LearntWeight {
    fn from(weight: LearntWeightV1) -> LearntWeight {
        let LearntWeightV1 { own, own_squares, shared, shared_squares, shared_lessons } = weight;
        LearntWeight { own, own_squares, shared, shared_squares, shared_lessons }
    }
}

impl From<&PastEvent> for PastEventV1 {
    fn from(event: &PastEvent) -> PastEventV1 {
        let event = event.clone();
        PastEventV1 {
            item: event.item.to_string(),
            event_type: event.event_type.name().to_owned(),
            value: event.value,
            at: event.at,
            circumstances: event.circumstances,
            sentiment: event.sentiment,
            semantic: event.semantic,
        }
    }
}

impl TryFrom<PastEventV1> for PastEvent {
    type Error = String;

    fn try_from(event: PastEventV1) -> Result<PastEvent, String> {
        Ok(PastEvent {
            item: item_id(&event.item)?,
            event_type: event_type(&event.event_type)?,
            value: event.value,
            at: event.at,
            circumstances: event.circumstances,
            sentiment: event.sentiment,
            semantic: event.semantic,
        })
    }
}

fn item_id(text: &str) -> Result<ItemId, String> {
    ItemId::parse(text).map_err(|error| error.to_string())
}

fn event_type(name: &str) -> Result<EventType, String> {
    EventType::from_name(name).ok_or_else(|| format!("names the unknown event type `{name}`"))
}
