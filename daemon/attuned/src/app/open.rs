//! Opens the parts, and restores what was learnt.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use attuned_encoders::{Choice, Encoders, Ffmpeg, Limits, ModelError, Runtime};
use attuned_recommender::{EventType, Input, Language, Recommender, Settings, Timestamp, UserId};

use super::AppError;
use crate::config::{Config, DiversityMethod, MediaConfig, ModelsRuntime, search_path};
use crate::document::Degraded;
use crate::pipeline::{ModelsPart, Parts, names_of, promote, remembered, target_of, word};
use crate::plugins::{Breakers, Plugins, breakers_file, compiled_folder};
use crate::service::Progress;
use crate::store::{ModelsRecord, NextModels, Rankers, Store, StoreError, StoreSettings};

/// Opens everything; blocks for as long as that takes.
pub(super) fn parts(config: &Config, progress: Progress) -> Result<Parts, AppError> {
    let now = Timestamp::from_unix_ms(jiff::Timestamp::now().as_millisecond());
    let mut degraded = Vec::new();
    let mut settings = StoreSettings::new(&config.store.path);
    settings.cache_bytes = u64::from(config.store.cache_mib) << 20;
    settings.media_file_bytes_max = config.media.bytes_max;
    settings.encodings_bytes_max = u64::from(config.models.cache_mib) << 20;
    let (store, report) = Store::open(settings).map_err(|error| match error {
        StoreError::InUse { .. } | StoreError::TooNew { .. } | StoreError::Unavailable { .. } => {
            AppError::Wrong(error.to_string())
        }
        other => AppError::Failed(other.to_string()),
    })?;
    for finding in report.degraded() {
        tracing::error!(%finding, "store damaged");
        degraded.push(Degraded { part: "store".to_owned(), name: "open".to_owned(), reason: finding });
    }
    let failed = |error: StoreError| AppError::Failed(error.to_string());
    let mut record = ModelsRecord::read(store.path()).map_err(|error| AppError::Wrong(error.to_string()))?;
    if record.next.as_ref().is_some_and(|next| next.replacing) {
        finish_switch(&store, &mut record).map_err(failed)?;
    }
    let (encoders, next) = match choose_models(config, &record) {
        Ok(opened) => (Some(opened.encoders), opened.next),
        Err(error) => {
            let reason = error.to_string();
            degraded.push(Degraded { part: "encoder".to_owned(), name: "models".to_owned(), reason });
            (None, None)
        }
    };
    let mut meanings_lost = false;
    if let Some(encoders) = &encoders {
        let before = record.clone();
        meanings_lost = note_models(&mut record, encoders, next.as_ref(), &store).map_err(failed)?;
        if record != before {
            record.write(store.path()).map_err(failed)?;
        }
    }
    let (key, compiled) = (pseudonym_key(&config.store.path)?, compiled_folder(config));
    let (plugins, rules, left_out) = Plugins::open(config, key, Some(compiled), now)
        .map_err(|error| AppError::Wrong(error.to_string()))?;
    for plugin in &left_out {
        tracing::error!(plugin = plugin.name, reason = plugin.reason, "plugin left out");
    }
    degraded.extend(left_out);
    let rankers = Rankers::read(store.path()).map_err(|error| AppError::Wrong(error.to_string()))?;
    let (mut recommender, through) = restore(config, now, &store, &record, meanings_lost, &mut degraded)
        .map_err(|error| AppError::Failed(error.to_string()))?;
    recommender.set_tuning(rankers.current.tuning.clone());
    recommender.set_shadow(rankers.shadow.as_ref().map(|shadow| shadow.tuning.clone()));
    let context =
        store.context().collect::<Result<_, _>>().map_err(|error| AppError::Failed(error.to_string()))?;
    let idle_minutes = config.models.idle_minutes;
    let models = ModelsPart {
        record,
        preferred: config.models.prefer.clone(),
        next,
        idle: (idle_minutes > 0.0).then(|| Duration::from_secs_f32(idle_minutes * 60.0)),
    };
    let breakers = Breakers::open(Some(breakers_file(config)));
    Ok(Parts {
        store,
        recommender,
        through,
        encoders,
        models,
        rankers,
        plugins,
        rules,
        breakers,
        context,
        degraded,
        progress,
    })
}

/// The models to understand content with.
pub(crate) struct OpenedModels {
    /// Those in use.
    pub encoders: Encoders,
    /// Those to switch to, where others are chosen than the stored vectors were made with.
    pub next: Option<Encoders>,
}

/// Opens the models: those that the stored vectors were made with, as long as they are there, and
/// those that are chosen now.
pub(crate) fn choose_models(config: &Config, record: &ModelsRecord) -> Result<OpenedModels, ModelError> {
    let memory_bytes_max = match config.models.memory_mib {
        0 => u64::MAX,
        mib => u64::from(mib) << 20,
    };
    let runtime = match config.models.runtime {
        ModelsRuntime::Cpu => Runtime::Cpu,
        ModelsRuntime::GpuOrCpu => Runtime::GpuOrCpu,
    };
    let wanted = record.chosen.values().chain(&config.models.prefer).cloned().collect();
    let choice = Choice { wanted, remembered: remembered(&record.current) };
    let chosen = Encoders::open_choosing(
        &config.models.path,
        limits(&config.media),
        &choice,
        memory_bytes_max,
        runtime,
    )?
    .with_ffmpeg(ffmpeg(&config.media));
    let (target, _) = target_of(&chosen, record);
    if record.current.is_empty() || target == record.current {
        return Ok(OpenedModels { encoders: chosen, next: None });
    }
    let present = chosen.choosing(&Choice { wanted: remembered(&record.current), remembered: Vec::new() });
    if names_of(&present) == record.current {
        return Ok(OpenedModels { encoders: present, next: Some(chosen) });
    }
    // What the stored vectors were made with is gone: nothing to go on with until all is understood.
    Ok(OpenedModels { encoders: chosen, next: None })
}

/// Ends a switch that was about to be done when the program ended.
fn finish_switch(store: &Store, record: &mut ModelsRecord) -> Result<(), StoreError> {
    if let Some(next) = &record.next {
        promote(store, &word(&next.models))?;
    }
    record.go_over(last_event(store)?);
    record.write(store.path())
}

/// Notes which models are in use, and which are next. Gives whether the stored vectors lie in another
/// shared space than theirs, without a switch to it: then none of them can be compared.
fn note_models(
    record: &mut ModelsRecord,
    encoders: &Encoders,
    next: Option<&Encoders>,
    store: &Store,
) -> Result<bool, StoreError> {
    match next {
        Some(next) => {
            let (models, space) = target_of(next, record);
            if record.next.as_ref().is_none_or(|noted| noted.models != models) {
                record.remember();
                record.next = Some(NextModels { models, space, replacing: false });
            }
            Ok(false)
        }
        None => {
            let (models, space) = target_of(encoders, record);
            let meanings_lost = record.space.is_some() && space != record.space;
            if meanings_lost {
                record.foreign_through = last_event(store)?;
            }
            (record.current, record.space, record.next) = (models, space, None);
            Ok(meanings_lost)
        }
    }
}

/// The number of the last event.
fn last_event(store: &Store) -> Result<u64, StoreError> {
    let mut last = 0;
    for event in store.events_after(0) {
        match event {
            Ok(event) => last = event.seq,
            Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(last)
}

/// The encoders' limits as configured.
#[must_use]
pub(crate) fn limits(config: &MediaConfig) -> Limits {
    Limits {
        bytes_max: usize::try_from(config.bytes_max).unwrap_or(usize::MAX),
        pixels_max: config.pixels_max,
        seconds_max: config.seconds_max,
        ..Limits::default()
    }
}

/// The program that decodes films; `None` if there is none, or none is wanted.
#[must_use]
pub(crate) fn ffmpeg(config: &MediaConfig) -> Option<Ffmpeg> {
    if config.ffmpeg.as_os_str() == "none" {
        return None;
    }
    Ffmpeg::find(&config.ffmpeg, &search_path())
}

/// The secret of this installation that plugins' pseudonyms of people are made with; made once.
fn pseudonym_key(store: &Path) -> Result<[u8; 32], AppError> {
    use std::io::{Read, Write};
    use std::os::unix::fs::OpenOptionsExt;
    let file = store.join("pseudonym.key");
    let failed = |error: std::io::Error| AppError::Failed(format!("{}: {error}", file.display()));
    match std::fs::read(&file) {
        Ok(bytes) => {
            return bytes.try_into().map_err(|bytes: Vec<u8>| {
                AppError::Wrong(format!("{} has {} bytes, expected 32", file.display(), bytes.len()))
            });
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let mut key = [0; 32];
    std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut key)).map_err(failed)?;
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&file)
        .and_then(|mut target| {
            target.write_all(&key)?;
            target.sync_all()
        })
        .map_err(failed)?;
    Ok(key)
}

/// Whoever is a child.
pub(super) fn children(config: &Config) -> BTreeSet<UserId> {
    let children = config.person.iter().filter(|person| person.child);
    children.filter_map(|person| UserId::parse(&person.id).ok()).collect()
}

/// The engine's settings by this configuration.
#[must_use]
pub(crate) fn engine_settings(config: &Config) -> Settings {
    let recommend = &config.recommend;
    Settings {
        liking_half_life_days: f64::from(recommend.taste_half_life_days),
        mood_half_life_days: f64::from(recommend.mood_half_life_days),
        mood_share: recommend.mood_share,
        event_weights: recommend
            .event_weights
            .iter()
            .filter_map(|(name, weight)| Some((EventType::from_name(name)?, *weight)))
            .collect(),
        disliking_half_life_days: f64::from(recommend.dislike_half_life_days),
        diversity: recommend.diversity,
        diversity_method: match recommend.diversity_method {
            DiversityMethod::Mmr => attuned_recommender::DiversityMethod::Mmr,
            DiversityMethod::Dpp => attuned_recommender::DiversityMethod::Dpp,
        },
        calibration: recommend.calibration,
        per_provider_max: recommend.per_provider_max as usize,
        per_kind_max: recommend.per_kind_max as usize,
        plays_max: recommend.plays_max,
        explore_share: recommend.explore_share,
        children: children(config),
        language: Language::from_name(&config.household.language).unwrap_or_default(),
        relevance_min: config.search.relevance_min,
        ..Settings::default()
    }
}

/// Rebuilds the recommender: the catalogue, then what was learnt as of the last snapshot, then the
/// events after it.
fn restore(
    config: &Config,
    now: Timestamp,
    store: &Store,
    models: &ModelsRecord,
    meanings_lost: bool,
    degraded: &mut Vec<Degraded>,
) -> Result<(Recommender, u64), StoreError> {
    let mut recommender = Recommender::new(engine_settings(config));
    let mut damaged = BTreeSet::new();
    let household = store.household()?;
    let mut through = 0;
    for item in store.items() {
        match item {
            Ok(stored) => {
                let mut content = stored.content.unwrap_or_default();
                if meanings_lost {
                    content.semantic.clear();
                    content.fused = None;
                }
                recommender.apply(Input::PutItem { item: stored.item, content }, now);
            }
            Err(error) => drop(damaged.insert(error.to_string())),
        }
    }
    if let Some(household) = household {
        through = household.through;
        recommender.restore_household(household.state);
    }
    for profile in store.profiles() {
        match profile {
            Ok(mut profile) => {
                if profile.through <= models.foreign_through {
                    profile.state.forget_meanings();
                }
                recommender.restore_user(profile.user, profile.state);
            }
            Err(error) => drop(damaged.insert(error.to_string())),
        }
    }
    for event in store.events_after(through) {
        match event {
            Ok(mut stored) => {
                through = stored.seq;
                if let Some(comment) = &mut stored.event.comment
                    && through <= models.foreign_through
                {
                    comment.semantic = None;
                }
                recommender.apply(Input::Event(stored.event), now);
            }
            Err(error) => drop(damaged.insert(error.to_string())),
        }
    }
    for reason in damaged {
        degraded.push(Degraded { part: "store".to_owned(), name: "record".to_owned(), reason });
    }
    Ok((recommender, through))
}
