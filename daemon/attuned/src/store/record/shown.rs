//! Lists of which places were left to chance: what was shown there, and what else might have been.

use attuned_recommender::{Explored, Instead, ItemId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::{pack, unknown_version, unpack};
use crate::store::StoredShown;

/// The version that is written.
pub const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct ShownV1 {
    at_ms: i64,
    users: Vec<String>,
    ranker: u32,
    shadow: Option<u32>,
    explored: Vec<ExploredV1>,
}

#[derive(Serialize, Deserialize)]
struct ExploredV1 {
    place: u32,
    item: String,
    propensity: f64,
    score: f64,
    present: InsteadV1,
    shadow: Option<InsteadV1>,
}

/// Whether it is what was shown, and its score.
#[derive(Serialize, Deserialize)]
struct InsteadV1(bool, f64);

/// The payload of a list.
pub fn encode(shown: &StoredShown) -> Vec<u8> {
    let instead = |instead: &Instead| InsteadV1(instead.same, instead.score);
    let explored = |explored: &Explored| ExploredV1 {
        place: explored.place as u32,
        item: explored.item.to_string(),
        propensity: explored.propensity,
        score: explored.score,
        present: instead(&explored.present),
        shadow: explored.shadow.as_ref().map(instead),
    };
    pack(&ShownV1 {
        at_ms: shown.at.unix_ms(),
        users: shown.users.iter().map(ToString::to_string).collect(),
        ranker: shown.ranker,
        shadow: shown.shadow,
        explored: shown.explored.iter().map(explored).collect(),
    })
}

/// The list in a payload.
pub fn decode(version: u8, payload: &[u8]) -> Result<StoredShown, String> {
    match version {
        1 => {
            let ShownV1 { at_ms, users, ranker, shadow, explored } = unpack(payload)?;
            let user = |user: String| UserId::parse(&user).map_err(|error| error.to_string());
            Ok(StoredShown {
                at: Timestamp::from_unix_ms(at_ms),
                users: users.into_iter().map(user).collect::<Result<_, String>>()?,
                ranker,
                shadow,
                explored: explored.into_iter().map(from_v1).collect::<Result<_, String>>()?,
            })
        }
        newer => Err(unknown_version(newer, VERSION)),
    }
}

fn from_v1(explored: ExploredV1) -> Result<Explored, String> {
    let instead = |InsteadV1(same, score): InsteadV1| Instead { same, score };
    Ok(Explored {
        place: explored.place as usize,
        item: ItemId::parse(&explored.item).map_err(|error| error.to_string())?,
        propensity: explored.propensity,
        score: explored.score,
        present: instead(explored.present),
        shadow: explored.shadow.map(instead),
    })
}
