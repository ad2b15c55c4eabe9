//! The constants of the collaborative sources.

/// How likes become scores. The default serves a house of which nothing is known yet;
/// [`crate::Recommender::tune`] finds a better one where something was held out.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// A person of `d` likes counts `d^-person_power` for each: those who like everything say little.
    pub person_power: f32,
    /// A shared like of an item with `c` likers counts `c^-item_power`: what all like says little.
    pub item_power: f32,
    /// An item with `c` likers has its score times `c^popularity_power`.
    pub popularity_power: f32,
    /// What the order of likes says; absent means that order is not looked at.
    pub sequence: Option<Sequence>,
    /// The share of the walk when other parts are added to it, in standard deviations of each.
    pub walk_share: f32,
    /// A walk of several rounds; absent means none.
    pub deep: Option<DeepWalk>,
    /// The share of the low-pass filter over all likes, in standard deviations; 0 means none.
    pub low_pass: f32,
}

/// What the order of likes says: of two people who liked the same item, what one liked next is what
/// the other may like next.
#[derive(Debug, Clone, PartialEq)]
pub struct Sequence {
    /// How much a like counts less for each later one in the person's own history, in `(0, 1]`.
    pub memory: f32,
    /// How much what another liked after the shared item counts less with each step, in `[0, 1)`.
    pub ahead: f32,
    /// What the like right before the shared item counts, with 1 for the one right after it.
    pub behind_share: f32,
    /// The same as `ahead` for what came before.
    pub behind: f32,
    /// What any like of the other counts, however far away.
    pub anywhere: f32,
}

/// Several rounds from items to people and back. Reaches further than the walk, so that somebody
/// with few likes gets a whole list.
#[derive(Debug, Clone, PartialEq)]
pub struct DeepWalk {
    /// Rounds, from 2.
    pub rounds: usize,
    /// What people with more likes than the mean count, with 1 for others.
    pub heavy_share: f32,
    /// The share of the deep walk, in standard deviations.
    pub share: f32,
}

impl Default for Recipe {
    /// Found on data of other houses: near the best everywhere, the best nowhere.
    fn default() -> Self {
        Recipe {
            person_power: 0.5,
            item_power: 0.3,
            popularity_power: 0.0,
            sequence: None,
            walk_share: 1.0,
            deep: None,
            low_pass: 0.0,
        }
    }
}

impl Default for Sequence {
    fn default() -> Self {
        Sequence { memory: 0.6, ahead: 0.8, behind_share: 0.2, behind: 0.5, anywhere: 0.05 }
    }
}

impl Default for DeepWalk {
    fn default() -> Self {
        DeepWalk { rounds: 3, heavy_share: 0.3, share: 1.0 }
    }
}
