//! `[fusion]`: how what was understood of several media becomes the network's input.

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FusionEntry {}
