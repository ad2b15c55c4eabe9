//! JSON Schemas of the documents, generated from their types.

use schemars::schema_for;
use serde_json::Value;

use super::{
    EventsDocument, EventsTaken, ExportDocument, ItemDocument, ModelsDocument, PluginLogDocument,
    PluginsDocument, RankersDocument, RecommendationDocument, RejectionDocument, ReloadPluginsDocument,
    RequestDocument, SearchAnswerDocument, SearchDocument, StatusDocument, UserDocument,
};

/// Every document's name and schema, as kept in `config/schema/<name>.json`.
#[must_use]
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("item", schema_for!(ItemDocument).to_value()),
        ("events", schema_for!(EventsDocument).to_value()),
        ("events-taken", schema_for!(EventsTaken).to_value()),
        ("request", schema_for!(RequestDocument).to_value()),
        ("recommendation", schema_for!(RecommendationDocument).to_value()),
        ("search", schema_for!(SearchDocument).to_value()),
        ("search-answer", schema_for!(SearchAnswerDocument).to_value()),
        ("status", schema_for!(StatusDocument).to_value()),
        ("models", schema_for!(ModelsDocument).to_value()),
        ("rankers", schema_for!(RankersDocument).to_value()),
        ("plugins", schema_for!(PluginsDocument).to_value()),
        ("plugin-log", schema_for!(PluginLogDocument).to_value()),
        ("reload-plugins", schema_for!(ReloadPluginsDocument).to_value()),
        ("error", schema_for!(RejectionDocument).to_value()),
        ("user", schema_for!(UserDocument).to_value()),
        ("export", schema_for!(ExportDocument).to_value()),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// With `UPDATE_EXPECT=1` the files are written instead of compared.
    #[test]
    fn the_schemas_in_config_are_current() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/schema");
        let update = std::env::var_os("UPDATE_EXPECT").is_some();
        let mut names = BTreeSet::new();
        for (name, schema) in schemas() {
            let file = folder.join(format!("{name}.json"));
            let text = format!("{}\n", serde_json::to_string_pretty(&schema).expect("JSON"));
            if update {
                std::fs::create_dir_all(&folder).expect("the folder");
                std::fs::write(&file, &text).expect("the file");
            }
            let kept = std::fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(
                kept, text,
                "config/schema/{name}.json is not current: run this test with UPDATE_EXPECT=1"
            );
            names.insert(format!("{name}.json"));
        }
        let kept = std::fs::read_dir(&folder).expect("the folder");
        for entry in kept {
            let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
            assert!(names.contains(&name), "config/schema/{name} belongs to no document");
        }
    }
}
