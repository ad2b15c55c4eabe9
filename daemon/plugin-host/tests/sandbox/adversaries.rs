//! Everything that a plugin's author, or whoever can change files, may try, in one list: the limit that
//! stops it, and the sentence that tells of it. Each is tried under both engines beside a rule that
//! behaves, whose word counts whatever happens.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use attuned_plugin_host::{
    Consent, Engine, Grants, HostSettings, Installed, Origin, Package, PluginHost, SecretKey, limits,
};
use attuned_recommender::PluginId;

use crate::house::{
    self, HOSTILE_MANIFEST, House, hand_written, hostile, limited, package, print, told, wat,
};

const HOSTILE_ID: &str = "org.example.hostile";

/// On a busy machine; what nobody stops takes minutes.
const BACK_WITHIN: Duration = Duration::from_secs(2);

struct Attack {
    name: &'static str,
    /// What stops it.
    limit: &'static str,
    /// Does it under an engine, and tells what came of it.
    run: fn(Engine) -> String,
    expected: &'static str,
}

const ATTACKS: &[Attack] = &[
    // What a rule may do while it runs.
    Attack {
        name: "loop",
        limit: "fuel",
        run: |engine| does(engine, "loop", "fuel = 50_000\nfuel-per-candidate = 2_000\nwall-ms = 50\n", 5),
        expected: "fuel: used up its fuel of 60000",
    },
    Attack {
        name: "slow loop",
        limit: "wall clock",
        run: |engine| {
            let limits = "fuel = 10_000_000\nfuel-per-candidate = 100_000\n";
            does(engine, "loop slowly", limits, limits::CANDIDATES_MAX)
        },
        expected: "deadline: passed its time limit of 10.0 ms",
    },
    Attack {
        name: "memory",
        limit: "memory",
        run: |engine| {
            let said = does(engine, "eat memory", "memory-mib = 4\nwall-ms = 50\nfuel = 10_000_000\n", 5);
            // The guest's allocator says where it gave up.
            said.split(", after").next().unwrap_or_default().to_owned()
        },
        expected: "memory: wanted more than its 4 MiB of memory",
    },
    Attack {
        name: "many memories",
        limit: "memory, summed over all",
        run: |engine| {
            component(engine, limited("memory-mib = 8\n"), hand_written("(memory 96) (memory 96)", ""))
        },
        expected: "refused: check: wanted more than its 8 MiB of memory",
    },
    Attack {
        name: "deep recursion",
        limit: "stack",
        run: |engine| does(engine, "recurse", house::LIMITS, 5),
        expected: "trap: passed its stack limit of 512 KiB",
    },
    Attack {
        name: "trap",
        limit: "a fresh instance after every trap",
        run: |engine| component(engine, HOSTILE_MANIFEST.to_owned(), hand_written("", "unreachable")),
        expected: "trap: stopped: wasm `unreachable` instruction executed",
    },
    Attack {
        name: "division by zero",
        limit: "a fresh instance after every trap",
        run: |engine| {
            let divide = "(drop (i32.div_u (i32.const 1) (i32.const 0)))";
            component(engine, HOSTILE_MANIFEST.to_owned(), hand_written("", divide))
        },
        expected: "trap: stopped: integer divide by zero",
    },
    Attack {
        name: "panic",
        limit: "a fresh instance after every trap",
        run: |engine| does(engine, "panic", house::LIMITS, 5),
        expected: "trap: stopped: wasm `unreachable` instruction executed, after it had said: \
                   panicked at src/lib.rs:36:24: the rule is out of luck",
    },
    // What it may answer.
    Attack {
        name: "NaN",
        limit: "finite numbers",
        run: |engine| does(engine, "boost by no number", house::LIMITS, 5),
        expected: "nothing; 4 dropped",
    },
    Attack {
        name: "boost too much",
        limit: "max-boost",
        run: |engine| does(engine, "boost too much", house::LIMITS, 5),
        expected: "0 +0.500; 1 -0.500; 2 +0.500; 3 -0.500; 4 +0.500; 5 clamped",
    },
    Attack {
        name: "wrong lengths",
        limit: "verdicts <= candidates",
        run: |engine| does(engine, "judge too often", house::LIMITS, 5),
        expected: "broke_contract: gave 6 verdicts on 5 candidates, expected at most one each",
    },
    Attack {
        name: "unknown positions",
        limit: "positions of the batch",
        run: |engine| does(engine, "judge unknown positions", house::LIMITS, 5),
        expected: "0 +0.100; 2 dropped",
    },
    Attack {
        name: "an order of unknown positions",
        limit: "positions of the batch",
        run: |engine| does(engine, "order unknown positions", house::LIMITS, 5),
        expected: "broke_contract: ordered position 5, expected positions below 5",
    },
    Attack {
        name: "an order with duplicate positions",
        limit: "each position once",
        run: |engine| does(engine, "order one twice", house::LIMITS, 5),
        expected: "broke_contract: ordered position 1 twice, expected each once",
    },
    Attack {
        name: "exclude all",
        limit: "80 % of the batch, unless granted more",
        run: |engine| does(engine, "exclude all", house::LIMITS, 5),
        expected: "nothing; 5 ungranted",
    },
    Attack {
        name: "a verdict that is none",
        limit: "the types of the contract",
        // The answer is an address beyond the guest's memory.
        run: |engine| {
            let astray = "(return (i32.const 0x7fffffff))";
            let said = component(engine, HOSTILE_MANIFEST.to_owned(), hand_written("", astray));
            said.split(": ").next().unwrap_or_default().to_owned()
        },
        expected: "broke_contract",
    },
    Attack {
        name: "a candidate that is not given back",
        limit: "what is lent is given back",
        run: |engine| {
            let kept = "(return (i32.const 8))";
            let said = component(engine, HOSTILE_MANIFEST.to_owned(), hand_written("", kept));
            said.split(": ").next().unwrap_or_default().to_owned()
        },
        expected: "broke_contract",
    },
    // What it may say.
    Attack {
        name: "log flood",
        limit: "20 lines a call of 512 bytes",
        run: |engine| does(engine, "flood the log", house::LIMITS, 5),
        expected: "nothing; 80 lines not kept",
    },
    Attack {
        name: "huge line",
        limit: "hostcall fuel",
        run: |engine| does(engine, "log hugely", house::LIMITS, 5),
        expected: "broke_contract: handed over more than 1024 KiB in one call",
    },
    Attack {
        name: "long error",
        limit: "512 bytes of an error's text",
        run: |engine| {
            let said = does(engine, "fail at length", house::LIMITS, 5);
            format!("{} bytes: {}", said.len() - "failed: ".len(), &said[.."failed: éé".len()])
        },
        expected: "512 bytes: failed: éé",
    },
    Attack {
        name: "huge error",
        limit: "hostcall fuel",
        run: |engine| does(engine, "fail hugely", house::LIMITS, 5),
        expected: "broke_contract: handed over more than 1024 KiB in one call",
    },
    Attack {
        name: "huge result",
        limit: "hostcall fuel",
        run: |engine| does(engine, "answer hugely", house::LIMITS, 5),
        expected: "broke_contract: handed over more than 1024 KiB in one call",
    },
    // What a component may be.
    Attack {
        name: "a start function that loops",
        limit: "fuel, before it is ever asked",
        run: |engine| {
            let spin = hand_written("(func $spin (loop (br 0))) (start $spin)", "");
            component(engine, limited("fuel = 20_000\nwall-ms = 50\n"), spin)
        },
        expected: "refused: check: used up its fuel of 20000",
    },
    Attack {
        name: "import of WASI",
        limit: "imports of attuned:ranking alone",
        run: |engine| {
            let wasi = wat(r#"(component (import "wasi:filesystem/types@0.2.6" (instance)))"#);
            component(engine, HOSTILE_MANIFEST.to_owned(), wasi)
        },
        expected: "refused: the component imports `wasi:filesystem/types@0.2.6`, expected nothing but \
                   attuned:ranking/*@0.1.0",
    },
    Attack {
        name: "wrong version in the component",
        limit: "the version is read before anything runs",
        run: |engine| {
            let newer = wat(r#"(component (import "attuned:ranking/host@0.2.0" (instance)))"#);
            component(engine, HOSTILE_MANIFEST.to_owned(), newer)
        },
        expected: "refused: the component imports `attuned:ranking/host@0.2.0`, this host offers \
                   attuned:ranking@0.1.0",
    },
    Attack {
        name: "wrong version in the manifest",
        limit: "the version is read before anything runs",
        run: |engine| {
            component(
                engine,
                HOSTILE_MANIFEST.replace("attuned:ranking@0.1", "attuned:ranking@9.9"),
                hostile(),
            )
        },
        expected: "refused: plugin.toml: plugin.interface is \"attuned:ranking@9.9\", expected \"attuned:ranking@0.1\"",
    },
    Attack {
        name: "truncated wasm",
        limit: "only whole components",
        run: |engine| {
            let sound = hostile();
            let said = component(engine, HOSTILE_MANIFEST.to_owned(), sound[..sound.len() / 2].to_vec());
            said.split(" component: ").next().unwrap_or_default().to_owned()
        },
        expected: "refused: `rule.wasm` is no valid",
    },
    Attack {
        name: "too large wasm",
        limit: "1 MiB, unless it asks for up to 20",
        run: |engine| component(engine, HOSTILE_MANIFEST.to_owned(), vec![0; (1 << 20) + 1]),
        expected: "refused: `rule.wasm` has more than 1048576 bytes, expected at most that",
    },
    Attack {
        name: "flipped wasm",
        limit: "the component's hash in the manifest",
        run: |engine| {
            let mut flipped = hostile();
            let middle = flipped.len() / 2;
            flipped[middle] ^= 1;
            let sound = blake3::hash(&hostile()).to_hex();
            let said = component(engine, HOSTILE_MANIFEST.replace("HASH", &sound), flipped);
            said.split(", but").next().unwrap_or_default().replace(sound.as_str(), "…")
        },
        expected: "refused: plugin.wasm.blake3 is …",
    },
    // What may be done to files.
    Attack {
        name: "flipped cache",
        limit: "a keyed hash of compiled code",
        run: |engine| {
            cached(engine, |own, _| {
                let mut bytes = fs::read(own).expect("bytes");
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                fs::write(own, bytes).expect("written");
            })
        },
        expected: "0 +0.250 (It behaved)",
    },
    Attack {
        name: "replaced cache",
        limit: "a keyed hash that covers the component's name",
        // What was compiled here of another component, with its hash in order.
        run: |engine| {
            cached(engine, |own, other| {
                fs::copy(other, own).expect("copied");
            })
        },
        expected: "0 +0.250 (It behaved)",
    },
    Attack {
        name: "unsigned",
        limit: "signatures of trusted keys",
        run: |_| format!("{:?}", packed(|_| {}).origin().expect("no signature")),
        expected: "Unsigned",
    },
    Attack {
        name: "signed by somebody",
        limit: "signatures of trusted keys",
        run: |_| {
            let (trusted, somebody) =
                (SecretKey::generate().expect("a key"), SecretKey::generate().expect("a key"));
            let origin = packed(|package| package.sign(&somebody)).origin().expect("a signature");
            format!("trusted: {}", origin == Origin::SignedBy(trusted.public()))
        },
        expected: "trusted: false",
    },
    Attack {
        name: "wrongly signed",
        limit: "the signature covers every file",
        run: |_| {
            let folder = tempfile::tempdir().expect("a folder");
            let key = SecretKey::generate().expect("a key");
            let mut signed =
                Package::read_folder(&package(folder.path(), HOSTILE_MANIFEST, &hostile())).expect("it");
            signed.sign(&key);
            let mut archive = signed.to_archive();
            let (asked, more) = (b"max-boost = 0.5", b"max-boost = 5.0");
            let at = archive.windows(asked.len()).position(|bytes| bytes == asked).expect("what it asks for");
            archive[at..at + more.len()].copy_from_slice(more);
            let file = folder.path().join("it.attuned");
            fs::write(&file, archive).expect("written");
            let changed = Package::read(&file).expect("a package");
            let refused = changed.origin().expect_err("changed").to_string();
            refused.replace(&key.public().to_string(), "KEY")
        },
        expected: "plugin `org.example.hostile`: the signature by KEY does not fit the files: they are not those \
                   that were signed",
    },
    Attack {
        name: "grant escalation in an upgrade",
        limit: "a person gives grants, once more for more",
        run: escalation,
        expected: "0 +0.100 (It behaved); waits for exclude, max-boost=0.5",
    },
    Attack {
        name: "files changed after installing",
        limit: "the digest of what was installed",
        run: |_| {
            let folder = tempfile::tempdir().expect("a folder");
            let plugin = install(folder.path(), HOSTILE_MANIFEST, Grants::NONE);
            let installed = Installed::read(folder.path()).expect("readable");
            let manifest = installed.folder(&plugin, &installed.plugins()[0].current).join("plugin.toml");
            let text = fs::read_to_string(&manifest).expect("text");
            fs::write(&manifest, text.replace("max-boost = 0.5", "max-boost = 5.0")).expect("written");
            installed.package(&plugin, &installed.plugins()[0].current).expect_err("changed").to_string()
        },
        expected: "plugin `org.example.hostile`: its files are not those that were installed, install it again",
    },
];

#[test]
fn every_attack_is_stopped_by_its_limit_and_told() {
    for engine in Engine::ALL {
        for Attack { name, limit, run, expected } in ATTACKS {
            assert_eq!(run(engine), *expected, "{name}, stopped by {limit}, under {engine}");
        }
    }
}

/// The issue's list, so that none is lost.
#[test]
fn no_attack_of_the_list_is_missing() {
    for name in [
        "loop",
        "slow loop",
        "memory",
        "deep recursion",
        "trap",
        "panic",
        "NaN",
        "wrong lengths",
        "unknown positions",
        "an order with duplicate positions",
        "exclude all",
        "log flood",
        "huge error",
        "huge result",
        "a start function that loops",
        "import of WASI",
        "wrong version in the component",
        "wrong version in the manifest",
        "truncated wasm",
        "flipped wasm",
        "flipped cache",
        "replaced cache",
        "unsigned",
        "wrongly signed",
        "grant escalation in an upgrade",
    ] {
        assert_eq!(ATTACKS.iter().filter(|attack| attack.name == name).count(), 1, "{name}");
    }
}

/// The hostile guest does something, within these limits, on so many candidates.
fn does(engine: Engine, what: &str, limits: &str, candidates: usize) -> String {
    attacked(engine, &limited(limits), &hostile(), &told(what, Grants::ALL), candidates)
}

/// A component of its own takes the hostile guest's place.
fn component(engine: Engine, manifest: String, wasm: Vec<u8>) -> String {
    attacked(engine, &manifest, &wasm, &Consent { grants: Grants::ALL, ..Consent::default() }, 5)
}

/// What comes of a plugin that runs after one that behaves; or why it does not run.
fn attacked(engine: Engine, manifest: &str, wasm: &[u8], consent: &Consent, candidates: usize) -> String {
    let mut house = House::new(engine);
    let good = HOSTILE_MANIFEST.replace(HOSTILE_ID, "org.example.good");
    house.load(&good, &hostile(), &told("behave", Grants::ALL)).expect("in order");
    let refused = house.load(manifest, wasm, consent).err();
    let start = Instant::now();
    let mut outcome = house.rank(candidates);
    assert!(start.elapsed() < BACK_WITHIN, "{:?}", start.elapsed());
    // Whatever the other one does, the answer comes, with the word of the one that behaves.
    let good = outcome.adjustments.remove(0);
    assert_eq!((good.plugin.as_str(), good.position), ("org.example.good", 0));
    if let Some(refused) = refused {
        assert!(outcome.adjustments.is_empty() && outcome.degraded.is_empty());
        let refused = refused.to_string();
        return format!("refused: {}", refused.split_once("`: ").expect("it names the plugin").1);
    }
    let named = outcome.degraded.iter().map(|degraded| &degraded.plugin);
    assert!(named.chain(outcome.adjustments.iter().map(|a| &a.plugin)).all(|id| id.as_str() == HOSTILE_ID));
    let counters = house.host.plugins().remove(1).counters;
    let mut said = print(&outcome);
    if said.is_empty() {
        said.push_str("nothing");
    }
    for (count, what) in [
        (counters.dropped_verdicts, "dropped"),
        (counters.clamped_verdicts, "clamped"),
        (counters.ungranted_verdicts, "ungranted"),
        (counters.dropped_log_lines, "lines not kept"),
    ] {
        if count > 0 {
            said.push_str(&format!("; {count} {what}"));
        }
    }
    said
}

/// What a rule says that is loaded after `damage` was done to what was compiled of it. The second path is
/// that of another component.
fn cached(engine: Engine, damage: impl Fn(&Path, &Path)) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let load = |host: &mut PluginHost, name: &str, wasm: &[u8]| {
        let package = folder.path().join(name);
        fs::create_dir_all(&package).expect("made");
        let package = house::package(&package, HOSTILE_MANIFEST, wasm);
        let now = attuned_recommender::Timestamp::from_unix_ms(0);
        host.load(&package, &told("behave", Grants::ALL), now).expect("in order");
    };
    let host = || {
        let mut settings = HostSettings::new(engine, [7; 32]);
        settings.cache = Some(folder.path().join("compiled"));
        PluginHost::new(settings).expect("an engine")
    };
    let entries = || {
        let entries = fs::read_dir(folder.path().join("compiled")).expect("a folder");
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.filter(|path| path.extension().is_some()).collect::<Vec<_>>()
    };
    load(&mut host(), "own", &hostile());
    let [own] = entries().try_into().expect("one entry");
    load(&mut host(), "other", &hand_written("", ""));
    let other = entries().into_iter().find(|path| *path != own).expect("another entry");
    let sound = fs::read(&own).expect("bytes");
    damage(&own, &other);
    assert_ne!(fs::read(&own).expect("bytes"), sound);
    let mut host = host();
    load(&mut host, "own", &hostile());
    let (batch, context) = (house::batch(5), house::evening());
    print(&host.rank(&batch.into(), &context.into(), attuned_recommender::Timestamp::from_unix_ms(0)))
}

/// The hostile guest's package.
fn packed(change: impl FnOnce(&mut Package)) -> Package {
    let folder = tempfile::tempdir().expect("a folder");
    let mut packed = Package::read_folder(&package(folder.path(), HOSTILE_MANIFEST, &hostile())).expect("it");
    change(&mut packed);
    packed
}

fn install(path: &Path, manifest: &str, given: Grants) -> PluginId {
    let folder = tempfile::tempdir().expect("a folder");
    let package = Package::read_folder(&package(folder.path(), manifest, &hostile())).expect("a package");
    let given = Consent { grants: given, ..Consent::default() };
    Installed::install(path, &package, None, &given, |_, _| Ok(())).expect("installed").id
}

/// A version that asks for little, and was given that, is followed by one that asks for more.
fn escalation(engine: Engine) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let modest = HOSTILE_MANIFEST.replace(
        "subject = true\nitem-ids = true\nexclude = true\npin = 1\nmax-boost = 0.5",
        "max-boost = 0.1",
    );
    install(folder.path(), &modest, Grants { max_boost: 0.1, ..Grants::NONE });
    let greedy =
        modest.replace("max-boost = 0.1", "exclude = true\nmax-boost = 0.5").replace("1.0.0", "1.1.0");
    let id = install(folder.path(), &greedy, Grants::NONE);
    let installed = Installed::read(folder.path()).expect("readable");
    let plugin = installed.plugin(id.as_str()).expect("installed");
    let package = installed.package(&id, &plugin.current).expect("whole");
    let mut house = House::new(engine);
    house.host.load(&installed.folder(&id, &plugin.current), &plugin.consent, house.now).expect("in order");
    let waiting = package.asked().beyond(plugin.consent.grants).join(", ");
    format!("{}; waits for {waiting}", print(&house.rank(5)))
}
