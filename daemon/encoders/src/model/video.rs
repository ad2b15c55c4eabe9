//! `[video]`: how frames and their sound become the network's input.

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VideoEntry {}
