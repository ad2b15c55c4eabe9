//! Which models are meant: by names that a person gives, and by what was used before.

use attuned_encoders::{Choice, Encoders, FoundModel, ModelError, ModelState, Purpose};
use attuned_recommender::Modality;

use crate::document::{Rejection, RejectionCode};
use crate::store::{ModelNames, ModelsRecord};

/// Models that can be used, and what is chosen with them.
pub struct Chosen {
    /// The encoders by that choice.
    pub encoders: Encoders,
    /// What a person asked for, by purpose.
    pub chosen: ModelNames,
}

/// Chooses `names` on top of what was chosen before, and loads them to see that they can be used.
/// What was chosen and does not go with them is dropped.
///
/// # Errors
///
/// One of them is not there, is refused, or does not go with the others.
pub fn choose(
    base: &Encoders,
    names: &[String],
    record: &ModelsRecord,
    preferred: &[String],
) -> Result<Chosen, Rejection> {
    let refused = |problem: ModelError| match problem {
        ModelError::Folder { .. } => Rejection::new(RejectionCode::Unavailable, problem.to_string()),
        ModelError::Refused { .. } => Rejection::invalid(problem.to_string()),
    };
    let wanted = names.iter().chain(record.chosen.values()).chain(preferred).cloned().collect();
    let encoders =
        base.rescan(&Choice { wanted, remembered: remembered(&record.current) }).map_err(refused)?;
    let found = encoders.found();
    let mut chosen = record.chosen.clone();
    chosen.retain(|_, id| {
        !found.iter().any(|found| {
            matches!(found.state, ModelState::Refused(_))
                && found.summary.as_ref().is_some_and(|m| m.id() == *id)
        })
    });
    for name in names {
        let named = |found: &&FoundModel| {
            found.summary.as_ref().is_some_and(|model| model.name == *name || model.id() == *name)
                || found.folder == *name
        };
        let in_use = found.iter().filter(named).find(|found| found.state == ModelState::InUse);
        match (in_use, found.iter().rfind(|found| named(found))) {
            (Some(FoundModel { summary: Some(model), .. }), _) => {
                encoders.load(&model.id()).map_err(refused)?;
                chosen.insert(model.purpose.name().to_owned(), model.id());
            }
            (_, Some(FoundModel { state: ModelState::Refused(reason), .. })) => {
                return Err(Rejection::invalid(format!("model `{name}`: {reason}")));
            }
            (_, Some(_)) => {
                return Err(Rejection::invalid(format!(
                    "model `{name}` is for the same as another that is named, expected one of them"
                )));
            }
            (_, None) => {
                let message = format!("model `{name}` is not in the models folder, see `attuned model list`");
                return Err(Rejection::new(RejectionCode::NotFound, message));
            }
        }
    }
    Ok(Chosen { encoders, chosen })
}

/// The models to go back to for `purpose`, which are taken out of the past: the one that was used
/// before, and the text model that made its space, if that is another now.
///
/// # Errors
///
/// No other was used.
pub fn names_before(record: &mut ModelsRecord, purpose: Purpose) -> Result<Vec<String>, Rejection> {
    let text = Purpose::Encoder(Modality::Text);
    let past = record.take_past(purpose.name());
    let before = |purpose: Purpose| past.as_ref().and_then(|past| past.models.get(purpose.name()).cloned());
    let Some(model) = before(purpose) else {
        let message = format!("no other model was used for {} before the present one", purpose.name());
        return Err(Rejection::new(RejectionCode::NotFound, message));
    };
    let present = record.next.as_ref().map_or(&record.current, |next| &next.models).get(text.name());
    let words = before(text).filter(|words| purpose != text && Some(words) != present);
    Ok(words.into_iter().chain([model]).collect())
}

/// The models in use by name, by what they are for.
#[must_use]
pub fn names_of(encoders: &Encoders) -> ModelNames {
    encoders
        .models()
        .into_iter()
        .map(|model| {
            let purpose = model.purpose.name();
            let beside = !model.languages.is_empty();
            (if beside { format!("{purpose}/{}", model.name) } else { purpose.to_owned() }, model.id())
        })
        .collect()
}

/// The models that are used by `encoders`, and their space. What nothing is there for now stays as
/// it was: there is nothing to switch to.
#[must_use]
pub fn target_of(encoders: &Encoders, record: &ModelsRecord) -> (ModelNames, Option<String>) {
    let mut models = names_of(encoders);
    let space = encoders.space().or_else(|| record.space.clone());
    if space == record.space {
        let missing = record.current.iter().filter(|(purpose, _)| !purpose.contains('/'));
        for (purpose, id) in missing {
            models.entry(purpose.clone()).or_insert_with(|| id.clone());
        }
    }
    (models, space)
}

/// The models in use as names to go on with.
#[must_use]
pub fn remembered(models: &ModelNames) -> Vec<String> {
    models.iter().filter(|(purpose, _)| !purpose.contains('/')).map(|(_, id)| id.clone()).collect()
}

/// One word for a choice of models.
#[must_use]
pub fn word(models: &ModelNames) -> String {
    models.values().cloned().collect::<Vec<_>>().join("+")
}
