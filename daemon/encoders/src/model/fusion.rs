//! `[fusion]`: that a model joins the vectors of several media. Its inputs and outputs are the same for
//! all of them, so that the section has no keys of its own.

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FusionEntry {}
