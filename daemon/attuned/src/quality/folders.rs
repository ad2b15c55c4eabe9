//! Data sets recognised by the files of their folders, not by their names: whatever is laid out
//! alike is measured alike.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use attuned_recommender::Modality;

use super::csv::Csv;

/// One data set.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// The folder's name.
    pub name: String,
    /// What is in it.
    pub content: Content,
    /// Files that a table names and that are not there.
    pub absent: usize,
}

/// What a data set consists of.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// `captions.csv` (`file`, `caption`): photographs, and the captions of each.
    Captions(Vec<Photo>),
    /// `labels.csv` (`file`, `label`, and perhaps `fold`), or a folder for each class.
    Classes(Classes),
    /// `labels.csv` (`file`, `label`, and perhaps `description`) of films.
    Films(Vec<Film>),
    /// `attribution.csv` (`file`, `attribution`), or `labels.csv` with the labels `speech`, `music`
    /// and `noise`: recordings, and what each is.
    Recordings(Vec<(PathBuf, SoundKind)>),
    /// Sounds named `<digit>_<speaker>_<number>`: spoken digits.
    Spoken(Vec<PathBuf>),
    /// `items.jsonl`: a title and a longer text for each item.
    Items(Vec<Described>),
}

/// A photograph with its captions.
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    /// Its file.
    pub file: PathBuf,
    /// What people wrote of it; at least one.
    pub captions: Vec<String>,
}

/// Pictures or sounds of named classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Classes {
    /// [`Modality::Image`] or [`Modality::Audio`].
    pub modality: Modality,
    /// The classes' names in words.
    pub names: Vec<String>,
    /// File, class, and the fold that keeps recordings of one source together.
    pub cases: Vec<(PathBuf, usize, Option<String>)>,
}

/// A film with what it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Film {
    /// Its file.
    pub file: PathBuf,
    /// Its label in words.
    pub label: String,
    /// A longer description; may be empty.
    pub description: String,
}

/// What a sound is, roughly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SoundKind {
    /// People who talk.
    Speech,
    /// Music.
    Music,
    /// Anything else.
    Noise,
}

impl SoundKind {
    /// Every kind.
    pub const ALL: [SoundKind; 3] = [SoundKind::Speech, SoundKind::Music, SoundKind::Noise];

    /// In one word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SoundKind::Speech => "speech",
            SoundKind::Music => "music",
            SoundKind::Noise => "noise",
        }
    }

    /// By the words of who made it and what it is: what was read aloud is speech, what animals and
    /// machines do is noise, the rest is music.
    fn of_attribution(text: &str) -> SoundKind {
        const SPEECH: [&str; 6] = ["read by", "librispeech", "speech", "spoken", "narrat", "audiobook"];
        const NOISE: [&str; 9] = [
            "whale",
            "bird",
            "whistling",
            "howling",
            "animal",
            "sound of a",
            "barking",
            "field recording",
            "traffic",
        ];
        let text = text.to_lowercase();
        let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if any(&SPEECH) {
            SoundKind::Speech
        } else if any(&NOISE) {
            SoundKind::Noise
        } else {
            SoundKind::Music
        }
    }
}

/// An item of words.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// Its title with the longer text.
    pub text: String,
    /// A line that says the same in other words; empty if there is none.
    pub summary: String,
}

/// Finds the data sets: the folder itself if it is one, else those right below it, by name. The
/// second list has a sentence for every folder that is none.
///
/// # Errors
///
/// A sentence if the folder cannot be listed.
pub fn find(folder: &Path) -> Result<(Vec<DataSet>, Vec<String>), String> {
    let told = |error: std::io::Error| format!("{} cannot be listed: {error}", folder.display());
    if let Some(set) = recognise(folder)? {
        return Ok((vec![set], Vec::new()));
    }
    let mut below = Vec::new();
    for entry in fs::read_dir(folder).map_err(told)? {
        let path = entry.map_err(told)?.path();
        if path.is_dir() {
            below.push(path);
        }
    }
    below.sort();
    let (mut sets, mut left_out) = (Vec::new(), Vec::new());
    for path in below {
        match recognise(&path) {
            Ok(Some(set)) => sets.push(set),
            Ok(None) => {
                left_out.push(format!("{}: nothing in it is known to measure content by", name(&path)))
            }
            Err(reason) => left_out.push(reason),
        }
    }
    Ok((sets, left_out))
}

/// What a folder is; `None` if its files are of no known layout.
///
/// # Errors
///
/// A sentence if a table in it cannot be read.
fn recognise(folder: &Path) -> Result<Option<DataSet>, String> {
    let mut found = Found { folder, absent: 0 };
    let captions = Csv::read(&folder.join("captions.csv"))?;
    let labels = Csv::read(&folder.join("labels.csv"))?;
    let attribution = Csv::read(&folder.join("attribution.csv"))?;
    let content = captions
        .and_then(|table| found.captions(&table))
        .or_else(|| labels.and_then(|table| found.labelled(&table)))
        .or_else(|| attribution.and_then(|table| found.attributed(&table)))
        .or_else(|| items(folder))
        .or_else(|| spoken(folder))
        .or_else(|| class_folders(folder));
    Ok(content.map(|content| DataSet { name: name(folder), content, absent: found.absent }))
}

struct Found<'a> {
    folder: &'a Path,
    absent: usize,
}

impl Found<'_> {
    /// The file that a table names, in the folder or in `images/` below it; counts absent ones.
    fn file(&mut self, name: &str) -> Option<PathBuf> {
        let places = [self.folder.join(name), self.folder.join("images").join(name)];
        let found = places.into_iter().find(|path| path.is_file());
        self.absent += usize::from(found.is_none());
        found
    }

    fn captions(&mut self, table: &Csv) -> Option<Content> {
        let mut photos: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (file, caption) in table.column("file")?.into_iter().zip(table.column("caption")?) {
            if !caption.is_empty() {
                photos.entry(file).or_default().push(caption.to_owned());
            }
        }
        let photos: Vec<Photo> = photos
            .into_iter()
            .filter_map(|(file, captions)| Some(Photo { file: self.file(file)?, captions }))
            .collect();
        (!photos.is_empty()).then_some(Content::Captions(photos))
    }

    fn labelled(&mut self, table: &Csv) -> Option<Content> {
        let (files, labels) = (table.column("file")?, table.column("label")?);
        let rows = files.len();
        let column = |name: &str| table.column(name).unwrap_or_else(|| vec![""; rows]);
        let (folds, descriptions) = (column("fold"), column("description"));
        let mut media: Vec<Option<Modality>> = files.iter().map(|file| modality(Path::new(file))).collect();
        media.sort_unstable();
        // What most files are.
        let modality = *media.get(rows / 2)?;
        let rows = files.into_iter().zip(labels).zip(folds.into_iter().zip(descriptions));
        let rows = rows.filter_map(|((file, label), (fold, description))| {
            Some((self.file(file)?, words(label), fold, description))
        });
        match modality? {
            Modality::Video => {
                let film = |(file, label, _, description): (PathBuf, String, &str, &str)| Film {
                    file,
                    label,
                    description: description.to_owned(),
                };
                Some(Content::Films(rows.map(film).collect()))
            }
            Modality::Text => None,
            modality @ (Modality::Image | Modality::Audio) => {
                let rows: Vec<(PathBuf, String, Option<String>)> = rows
                    .map(|(file, label, fold, _)| (file, label, (!fold.is_empty()).then(|| fold.to_owned())))
                    .collect();
                let kind = |label: &str| SoundKind::ALL.into_iter().find(|kind| kind.name() == label);
                if modality == Modality::Audio && rows.iter().all(|(_, label, _)| kind(label).is_some()) {
                    let kinds = rows.into_iter().filter_map(|(file, label, _)| Some((file, kind(&label)?)));
                    return Some(Content::Recordings(kinds.collect()));
                }
                Some(Content::Classes(classes(modality, rows)))
            }
        }
    }

    fn attributed(&mut self, table: &Csv) -> Option<Content> {
        let rows = table.column("file")?.into_iter().zip(table.column("attribution")?);
        let recordings: Vec<(PathBuf, SoundKind)> = rows
            .filter(|(file, _)| modality(Path::new(file)) == Some(Modality::Audio))
            .filter_map(|(file, text)| Some((self.file(file)?, SoundKind::of_attribution(text))))
            .collect();
        (!recordings.is_empty()).then_some(Content::Recordings(recordings))
    }
}

/// Numbers the classes by their names.
fn classes(modality: Modality, rows: Vec<(PathBuf, String, Option<String>)>) -> Classes {
    let mut names: Vec<String> = rows.iter().map(|(_, label, _)| label.clone()).collect();
    names.sort_unstable();
    names.dedup();
    let cases = rows
        .into_iter()
        .map(|(file, label, fold)| {
            let class = names.binary_search(&label).expect("every label is among the names");
            (file, class, fold)
        })
        .collect();
    Classes { modality, names, cases }
}

/// A folder for each class, with nothing but its files: data sets side by side are no classes.
fn class_folders(folder: &Path) -> Option<Content> {
    let folders: Vec<PathBuf> = listed(folder).into_iter().filter(|path| path.is_dir()).collect();
    let of = |wanted: Modality| {
        let mut rows = Vec::new();
        for class in &folders {
            let files = listed(class);
            if spoken(class).is_some() || !files.iter().all(|file| modality(file) == Some(wanted)) {
                return None;
            }
            rows.extend(files.into_iter().map(|file| (file, words(&name(class)), None)));
        }
        let classes = classes(wanted, rows);
        (classes.names.len() > 1 && classes.cases.len() >= 2 * classes.names.len())
            .then_some(Content::Classes(classes))
    };
    of(Modality::Image).or_else(|| of(Modality::Audio))
}

/// Spoken digits, by the names of the files.
fn spoken(folder: &Path) -> Option<Content> {
    let digit = |path: &Path| {
        let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        let parts: Vec<&str> = stem.split('_').collect();
        let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        matches!(parts.as_slice(), [digit, _, index] if digit.len() == 1 && number(digit) && number(index))
    };
    let files: Vec<PathBuf> = listed(folder)
        .into_iter()
        .filter(|path| modality(path) == Some(Modality::Audio) && digit(path))
        .collect();
    (files.len() >= 2).then_some(Content::Spoken(files))
}

/// Item documents, or descriptions of software with a name, a summary and a description each.
fn items(folder: &Path) -> Option<Content> {
    let text = fs::read_to_string(folder.join("items.jsonl")).ok()?;
    let items: Vec<Described> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|item| {
            // A text, or one in each language, of which the untranslated is taken.
            let text = |field: &str| {
                let value = &item[field];
                value.as_str().or_else(|| value["C"].as_str()).unwrap_or_default().trim().to_owned()
            };
            let first = |fields: [&str; 2]| fields.map(text).into_iter().find(|text| !text.is_empty());
            let (title, long) = (first(["title", "name"])?, first(["text", "description"])?);
            Some(Described { text: format!("{title}. {long}"), summary: text("summary") })
        })
        .collect();
    (!items.is_empty()).then_some(Content::Items(items))
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    paths
}

/// A label or a folder's name as words.
fn words(label: &str) -> String {
    label.replace('_', " ").trim().to_owned()
}

fn name(path: &Path) -> String {
    // A folder may have been named by `.` or a path that ends in `..`.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// What a file is by its extension.
fn modality(path: &Path) -> Option<Modality> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    match extension.as_str() {
        "jpg" | "jpeg" | "png" | "webp" | "bmp" | "tif" | "tiff" | "gif" | "ppm" => Some(Modality::Image),
        "wav" | "ogg" | "oga" | "flac" | "mp3" | "m4a" | "aac" | "opus" | "aiff" => Some(Modality::Audio),
        "mp4" | "webm" | "mkv" | "avi" | "mov" | "m4v" | "mpg" | "ogv" => Some(Modality::Video),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these files, each with its content.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, content) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, content).expect("written");
        }
        folder
    }

    fn content(files: &[(&str, &str)]) -> (Content, usize) {
        let folder = folder(files);
        let (mut sets, left_out) = find(folder.path()).expect("listed");
        assert_eq!(left_out, Vec::<String>::new());
        let set = sets.pop().expect("one data set");
        assert!(sets.is_empty());
        (set.content, set.absent)
    }

    #[test]
    fn captions_are_grouped_by_photo_and_absent_photos_are_counted() {
        let table = "caption,file\none,b.jpg\ntwo,a.jpg\n\"three, four\",b.jpg\nfive,gone.jpg\n";
        let (found, absent) = content(&[("captions.csv", table), ("images/a.jpg", ""), ("b.jpg", "")]);
        let Content::Captions(photos) = found else { panic!("{found:?}") };
        let captions: Vec<&[String]> = photos.iter().map(|photo| photo.captions.as_slice()).collect();
        assert_eq!(captions, [&["two".to_owned()][..], &["one".to_owned(), "three, four".to_owned()]]);
        assert_eq!(absent, 1);
    }

    #[test]
    fn labels_tell_by_their_files_what_they_are_labels_of() {
        let sounds = "file,label,fold\nx/1.ogg,dog_bark,1\nx/2.ogg,rain,2\n";
        let (found, _) = content(&[("labels.csv", sounds), ("x/1.ogg", ""), ("x/2.ogg", "")]);
        let Content::Classes(classes) = found else { panic!("{found:?}") };
        assert_eq!(
            (classes.modality, classes.names),
            (Modality::Audio, vec!["dog bark".to_owned(), "rain".to_owned()])
        );
        assert_eq!(classes.cases[1].2.as_deref(), Some("2"));

        let films = "file,label,description\n1.mp4,fire,a fire burns\n";
        let (found, _) = content(&[("labels.csv", films), ("1.mp4", "")]);
        assert!(
            matches!(&found, Content::Films(films) if films[0].description == "a fire burns"),
            "{found:?}"
        );

        let kinds = "file,label\n1.wav,speech\n2.wav,noise\n";
        let (found, _) = content(&[("labels.csv", kinds), ("1.wav", ""), ("2.wav", "")]);
        let Content::Recordings(recordings) = found else { panic!("{found:?}") };
        assert_eq!(
            recordings.iter().map(|(_, kind)| *kind).collect::<Vec<_>>(),
            [SoundKind::Speech, SoundKind::Noise]
        );
    }

    #[test]
    fn folders_names_and_lines_are_recognised_too() {
        let (found, _) =
            content(&[("cat/1.png", ""), ("cat/2.png", ""), ("sea_dog/1.png", ""), ("sea_dog/2.png", "")]);
        assert!(
            matches!(&found, Content::Classes(classes) if classes.names == ["cat", "sea dog"]),
            "{found:?}"
        );
        let (found, _) = content(&[("0_anna_1.wav", ""), ("9_ben_12.wav", ""), ("notes.wav", "")]);
        assert!(matches!(&found, Content::Spoken(files) if files.len() == 2), "{found:?}");
        let lines = "{\"title\":\"Heat\",\"text\":\"A heist.\"}\n{\"name\":{\"C\":\"Gimp\"},\"summary\":{\"C\":\"Draw\"},\
                     \"description\":{\"C\":\"An editor.\",\"de\":\"…\"}}\n{\"id\":\"none\"}\n";
        let (found, _) = content(&[("items.jsonl", lines)]);
        let Content::Items(items) = found else { panic!("{found:?}") };
        assert_eq!(items[0], Described { text: "Heat. A heist.".to_owned(), summary: String::new() });
        assert_eq!(items[1], Described { text: "Gimp. An editor.".to_owned(), summary: "Draw".to_owned() });
    }

    #[test]
    fn who_made_it_says_what_it_is() {
        for (text, expected) in [
            ("Chapter 18 / Read by Heather From the LibriSpeech collection", SoundKind::Speech),
            ("humpback whale song Recorded by NPS", SoundKind::Noise),
            ("Hungarian Dance number 5 by Johannes Brahms / US Army Strings", SoundKind::Music),
        ] {
            assert_eq!(SoundKind::of_attribution(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_data_set_is_left_out_with_a_reason() {
        let folder = folder(&[("a/notes.txt", ""), ("b/0_anna_1.wav", ""), ("b/1_anna_1.wav", "")]);
        let (sets, left_out) = find(folder.path()).expect("listed");
        assert_eq!(sets.iter().map(|set| set.name.as_str()).collect::<Vec<_>>(), ["b"]);
        assert_eq!(left_out, ["a: nothing in it is known to measure content by"]);
        assert!(find(&folder.path().join("none")).is_err());
    }

    #[test]
    fn data_sets_side_by_side_are_no_classes_of_one() {
        let place = folder(&[
            ("digits/0_anna_1.wav", ""),
            ("digits/1_anna_1.wav", ""),
            ("songs/a.ogg", ""),
            ("songs/b.ogg", ""),
            ("songs/attribution.csv", "file,attribution\na.ogg,by Anna\nb.ogg,by Ben\n"),
        ]);
        let (sets, _) = find(place.path()).expect("listed");
        assert_eq!(sets.iter().map(|set| set.name.as_str()).collect::<Vec<_>>(), ["digits", "songs"]);
    }
}
