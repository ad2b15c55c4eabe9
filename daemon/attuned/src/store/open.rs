//! Opening: lock, format, damage, and what is missing.
//!
//! Owns the layout of the store's folder and the report of what was found. Layout: `lock`,
//! `manifest.json`, `records/` (sled), `media/`, and `records.damaged-<n>/` for files of records that
//! could not be read.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use attuned_recommender::Timestamp;

use super::key::Kind;
use super::ledger::Ledger;
use super::manifest::{Found, Manifest};
use super::media::MediaFolder;
use super::read;
use super::record::totals::Totals;
use super::tree::{Entry, Tree};
use super::{MediaHash, StoreError, StoreSettings, envelope};

/// Most damaged records that a report names; further ones are only counted.
const DAMAGED_NAMED_MAX: usize = 100;

/// How long a lock that another process holds is waited for, and how often it is tried.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(1);
const LOCK_TRY_EVERY: Duration = Duration::from_millis(10);

/// Most folders that are kept aside; at the limit, the oldest is removed.
const SET_ASIDE_MAX: u32 = 3;

/// What was found when the store was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenReport {
    /// Whether there was no store before.
    pub created: bool,
    /// Items that are there.
    pub items: u64,
    /// Events that are there.
    pub events: u64,
    /// The file of records that could not be read, if so.
    pub set_aside: Option<SetAside>,
    /// How many records should be there but are not, by kind.
    pub missing: BTreeMap<Kind, u64>,
    /// How many of the last changes are gone, as the file of records was cut.
    pub changes_lost: u64,
    /// Records that are there but unreadable: the first 100.
    pub damaged: Vec<DamagedRecord>,
    /// How many there are in all.
    pub damaged_total: u64,
    /// Why the manifest could not be read, if so: whether records are missing is not known then.
    pub manifest_unreadable: Option<String>,
    /// Media files that no item referred to and that were removed.
    pub media_removed: usize,
}

/// A file of records that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub folder: PathBuf,
    /// What was wrong with it.
    pub reason: String,
}

/// One unreadable record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedRecord {
    /// Its kind.
    pub kind: Kind,
    /// Its key, for people.
    pub key: String,
    /// What is wrong with it.
    pub reason: String,
}

impl OpenReport {
    /// What a person should know, one sentence each; empty if all is well.
    #[must_use]
    pub fn degraded(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if let Some(SetAside { folder, reason }) = &self.set_aside {
            let folder = folder.display();
            sentences.push(format!("stored records were unreadable ({reason}) and set aside as `{folder}`"));
        }
        for (kind, count) in &self.missing {
            sentences.push(format!("{count} {} are missing from the store", kind.name()));
        }
        if self.changes_lost > 0 {
            sentences.push(format!("the last {} changes are missing from the store", self.changes_lost));
        }
        if let Some(first) = self.damaged.first() {
            let (total, kind, key) = (self.damaged_total, first.kind.name(), &first.key);
            let reason = &first.reason;
            sentences.push(format!("{total} stored records are damaged, first `{key}` of {kind}: {reason}"));
        }
        if let Some(reason) = &self.manifest_unreadable {
            sentences.push(format!("the store's manifest is unreadable: {reason}"));
        }
        sentences
    }
}

/// An open store's parts.
pub struct Opened {
    pub tree: Arc<Tree>,
    pub ledger: Ledger,
    pub media: MediaFolder,
    pub lock: File,
    pub report: OpenReport,
}

/// Opens or creates the store.
pub fn open(settings: &StoreSettings) -> Result<Opened, StoreError> {
    let path = &settings.path;
    create(path)?;
    let lock = lock(path)?;
    let manifest = Manifest::read(path)?;
    let records = path.join("records");

    let mut report = OpenReport { created: !records.exists(), ..OpenReport::default() };
    let expected = match manifest {
        Found::Nothing => None,
        Found::Unreadable(reason) => {
            report.manifest_unreadable = Some(reason);
            None
        }
        Found::Totals(totals) => Some(totals),
    };

    let (tree, survey) = match open_records(&records, settings) {
        Err(StoreError::Damaged { what: _, reason }) => {
            let folder = set_aside(&records)?;
            tracing::error!(folder = %folder.display(), %reason, "stored records were unreadable");
            report.set_aside = Some(SetAside { folder, reason });
            open_records(&records, settings)?
        }
        opened => opened?,
    };

    compare(&survey, expected, &mut report);
    let totals = survey.totals_with(expected);
    Manifest::new(totals).write(path)?;

    let media = MediaFolder::open(settings)?;
    // Without all items it is not known which files are in use.
    let all_known = report.set_aside.is_none() && report.missing.is_empty() && survey.items_readable;
    if all_known {
        report.media_removed = media.sweep(&survey.media)?.files;
    }
    report.items = survey.found.items;
    report.events = survey.found.events;
    report.damaged = survey.damaged;
    report.damaged_total = survey.damaged_total;
    Ok(Opened { tree, ledger: Ledger::new(totals, survey.outbox), media, lock, report })
}

fn create(path: &Path) -> Result<(), StoreError> {
    let unavailable =
        |error: std::io::Error| StoreError::Unavailable { path: path.to_owned(), reason: error.to_string() };
    fs::create_dir_all(path).map_err(unavailable)
}

/// Takes the store for this process. Another one that is just ending, or that was just started by
/// us and has not shed our files yet, holds the lock for a moment longer: it is waited for.
fn lock(path: &Path) -> Result<File, StoreError> {
    let name = path.join("lock");
    let unavailable =
        |error: std::io::Error| StoreError::Unavailable { path: name.clone(), reason: error.to_string() };
    let file = File::options().create(true).truncate(false).write(true).open(&name).map_err(unavailable)?;
    let deadline = Instant::now() + LOCK_WAIT_MAX;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(LOCK_TRY_EVERY),
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(unavailable(error)),
        }
    }
}

fn open_records(folder: &Path, settings: &StoreSettings) -> Result<(Arc<Tree>, Survey), StoreError> {
    let tree = Arc::new(Tree::open(folder, settings.cache_bytes)?);
    let survey = Survey::of(&tree).inspect_err(|_| tree.close())?;
    Ok((tree, survey))
}

/// Moves an unreadable folder of records out of the way, and keeps it for a person to look at.
fn set_aside(records: &Path) -> Result<PathBuf, StoreError> {
    let name = |n: u32| records.with_file_name(format!("records.damaged-{n}"));
    let unavailable = |error: std::io::Error| StoreError::Unavailable {
        path: records.to_owned(),
        reason: error.to_string(),
    };
    let newest = (1..).take_while(|n| name(*n).exists()).last().unwrap_or(0);
    let number = if newest < SET_ASIDE_MAX {
        newest + 1
    } else {
        fs::remove_dir_all(name(1)).map_err(unavailable)?;
        for n in 2..=newest {
            fs::rename(name(n), name(n - 1)).map_err(unavailable)?;
        }
        newest
    };
    fs::rename(records, name(number)).map_err(unavailable)?;
    Ok(name(number))
}

/// What is there, by reading all of it.
struct Survey {
    /// The totals that the tree tells; `None` if it tells none.
    told: Option<Totals>,
    /// Counts of what was found, with the numbers that follow the last ones found.
    found: Totals,
    damaged: Vec<DamagedRecord>,
    damaged_total: u64,
    /// Whether every item's document could be read.
    items_readable: bool,
    media: HashSet<MediaHash>,
    outbox: BTreeMap<u64, Option<Timestamp>>,
}

impl Survey {
    fn of(tree: &Arc<Tree>) -> Result<Survey, StoreError> {
        Survey::of_kinds(tree, &Kind::ALL)
    }

    fn of_kinds(tree: &Arc<Tree>, kinds: &[Kind]) -> Result<Survey, StoreError> {
        let mut survey = Survey {
            told: None,
            found: Totals::EMPTY,
            damaged: Vec::new(),
            damaged_total: 0,
            items_readable: true,
            media: HashSet::new(),
            outbox: BTreeMap::new(),
        };
        for kind in kinds {
            for entry in read::all(tree, *kind, None) {
                survey.look_at(*kind, &entry?);
            }
        }
        match read::totals(tree) {
            Ok(told) => survey.told = told,
            Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(survey)
    }

    fn look_at(&mut self, kind: Kind, entry: &Entry) {
        let (key, value) = entry;
        if let Some(count) = self.found.count_mut(kind) {
            *count += 1;
        }
        let seen = match kind {
            Kind::Item => read::to_document(entry)
                .map(|document| self.media.extend(document.media_hashes()))
                .inspect_err(|_| self.items_readable = false),
            Kind::Outbox => read::to_message(entry).map(|stored| {
                self.outbox.insert(stored.seq, stored.message.expires_at);
            }),
            Kind::Totals
            | Kind::Content
            | Kind::Event
            | Kind::UserEvent
            | Kind::Profile
            | Kind::Household
            | Kind::Context
            | Kind::Staged
            | Kind::Shown => envelope::open(key, value)
                .map(drop)
                .map_err(|reason| StoreError::Damaged { what: key.to_string(), reason }),
        };
        if let (Kind::Event, Some(seq)) = (kind, key.seq()) {
            self.found.next_event = self.found.next_event.max(seq.saturating_add(1));
        }
        if let (Kind::Outbox, Some(seq)) = (kind, key.seq()) {
            self.found.next_outbox = self.found.next_outbox.max(seq.saturating_add(1));
        }
        if let (Kind::Outbox, Some(seq), Err(_)) = (kind, key.seq(), &seen) {
            // Nobody can send it: the first to go when room is needed.
            self.outbox.insert(seq, Some(Timestamp::from_unix_ms(i64::MIN)));
        }
        if let Err(error) = seen {
            self.damaged_total += 1;
            if self.damaged.len() < DAMAGED_NAMED_MAX {
                let reason = match error {
                    StoreError::Damaged { reason, .. } => reason,
                    other => other.to_string(),
                };
                self.damaged.push(DamagedRecord { kind, key: key.to_string(), reason });
            }
        }
    }

    /// The totals to go on with: the counts that were found, and numbers that were never given.
    fn totals_with(&self, expected: Option<Totals>) -> Totals {
        let told = [self.told, expected];
        let most =
            |of: fn(&Totals) -> u64| told.iter().flatten().map(of).fold(of(&self.found), |a, b| a.max(b));
        Totals {
            generation: most(|totals| totals.generation),
            next_event: most(|totals| totals.next_event),
            next_outbox: most(|totals| totals.next_outbox),
            ..self.found
        }
    }
}

/// The messages of the outbox and when they expire.
pub fn outbox_expiries(tree: &Arc<Tree>) -> Result<BTreeMap<u64, Option<Timestamp>>, StoreError> {
    Ok(Survey::of_kinds(tree, &[Kind::Outbox])?.outbox)
}

/// Compares what was found with what the later of the tree's totals and the manifest tells.
fn compare(survey: &Survey, manifest: Option<Totals>, report: &mut OpenReport) {
    let told = survey.told.unwrap_or(Totals::EMPTY);
    let noted = manifest.unwrap_or(Totals::EMPTY);
    let expected = if noted.generation > told.generation { noted } else { told };
    report.changes_lost = noted.generation.saturating_sub(told.generation);
    for kind in Kind::ALL {
        let missing = expected.count(kind).saturating_sub(survey.found.count(kind));
        if missing > 0 {
            report.missing.insert(kind, missing);
        }
    }
}
