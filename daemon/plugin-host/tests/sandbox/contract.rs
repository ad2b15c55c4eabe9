//! Released folders of the contract are never edited: the plugins that people have depend on them.

use std::path::Path;

#[test]
fn the_released_contract_is_as_it_was_released() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/contract/v0.1/ranking.wit");
    let text = std::fs::read(path).expect("the contract");
    assert_eq!(
        blake3::hash(&text).to_hex().as_str(),
        "604042e6372405aa45f22f0ac8f4d3480c10843c3226acb0b59bd11cea99ea02"
    );
}
