//! The interface in the bytes of its wire, with a real pipeline behind it.

use attuned_plugin_host::{Consent, Grants, Installed, Package};
use attuned_recommender::{Context, Recommender, Settings, Timestamp};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::config::{Config, RecommendConfig, TuneConfig};
use crate::pipeline::{Known, Loops, ModelsPart, Parts, PipelineSettings};
use crate::plugins::{Breakers, Plugins};
use crate::service::Progress;
use crate::store::{Rankers, Store, StoreSettings};
use crate::topic::Prefix;

const BODY_BYTES_MAX: usize = 64 * 1024;

struct Daemon {
    folder: TempDir,
    tcp: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    _loops: Loops,
}

impl Daemon {
    async fn start() -> Daemon {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, _) = Store::open(StoreSettings::new(folder.path().join("store"))).expect("a store");
        let mut config = Config::default();
        config.plugins.path = folder.path().join("plugins");
        let now = Timestamp::from_unix_ms(0);
        let (plugins, rules, _) = Plugins::open(&config, [0; 32], None, now).expect("an engine");
        let parts = Parts {
            store,
            recommender: Recommender::new(Settings::default()),
            through: 0,
            encoders: None,
            models: ModelsPart::default(),
            rankers: Rankers::default(),
            plugins,
            rules,
            breakers: Breakers::default(),
            context: Context::new(),
            degraded: Vec::new(),
            progress: Progress::default(),
        };
        let settings = PipelineSettings {
            recommend: RecommendConfig::default(),
            engine: Settings::default(),
            tune: TuneConfig::Shadow,
            media_folders: Vec::new(),
            media_bytes_max: BODY_BYTES_MAX as u64,
            timezone: jiff::tz::TimeZone::UTC,
            known: Known::default(),
            chain_ms_max: 25,
            prefix: Prefix::default(),
        };
        let (pipeline, loops) = Pipeline::start(settings, parts).expect("a pipeline");
        let listeners = Listeners::bind(HttpSettings {
            socket: Some(folder.path().join("socket")),
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            body_bytes_max: BODY_BYTES_MAX,
        });
        let listeners = listeners.await.expect("free addresses");
        let tcp = listeners.tcp_address().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { drop(stopped.await) };
        let served = tokio::spawn(listeners.serve(pipeline, shutdown, Duration::from_secs(5)));
        Daemon { folder, tcp, stop, served, _loops: loops }
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    async fn connect(&self) -> UnixStream {
        UnixStream::connect(self.socket()).await.expect("a connection")
    }

    /// Sends `head` and `body` and expects the status and the beginning of the answer's body.
    async fn check(&self, head: &str, body: &str, status: u16, expected: &str) {
        let head = format!("{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        let answer = exchange(self.connect().await, &request).await;
        let (got, text) = status_and_body(&answer);
        assert!(got == status && text.starts_with(expected), "{head}: {got} {text}");
    }
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    answer
}

fn status_and_body(answer: &str) -> (u16, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_mqtt_go_in_and_answers_come_out() {
    let daemon = Daemon::start().await;
    let item = r#"{"id":"film:1","kind":"film","title":"The Third Man"}"#;
    daemon.check("PUT /v1/items/film:1", item, 204, "").await;
    daemon.check("PUT /v1/items/film:2", r#"{"kind":"film"}"#, 204, "").await;
    daemon.check("DELETE /v1/items/film:2", "", 204, "").await;
    let events = r#"[{"id":"e1","item":"film:1","type":"like"},{"id":"e1","item":"film:1","type":"like"}]"#;
    daemon.check("POST /v1/users/alice/events", events, 200, r#"{"taken":1,"duplicates":1}"#).await;
    daemon.check("PUT /v1/context/room", "\"kitchen\"", 204, "").await;
    daemon.check("PUT /v1/context/room", "", 204, "").await;
    let request = r#"{"request_id":"r1","users":["bob"]}"#;
    daemon.check("POST /v1/recommend", request, 200, r#"{"request_id":"r1","users":["bob"],"#).await;
    daemon.check("POST /v1/search", r#"{"query":{"item":"film:1"}}"#, 200, r#"{"items":["#).await;
    daemon.check("GET /v1/users/alice", "", 200, r#"{"user":"alice","events":{"like":1}"#).await;
    daemon.check("GET /v1/users/alice/export", "", 200, r#"{"user":"alice","events":[{"id":"e1""#).await;
    daemon.check("GET /v1/status", "", 200, r#"{"state":"degraded","#).await;
    daemon.check("GET /v1/metrics", "", 200, "# HELP attuned_info 1, with the version\n# TYPE").await;
    daemon.check("GET /", "", 200, "<!doctype html>").await;
}

/// What is installed while requests come in is in the lists from then on; no request fails.
#[tokio::test(flavor = "multi_thread")]
async fn plugins_are_taken_up_without_a_failed_request() {
    let daemon = Daemon::start().await;
    for n in 0..5 {
        let item = format!(r#"{{"kind":"film","title":"Film {n}","tags":["family"]}}"#);
        daemon.check(&format!("PUT /v1/items/film:{n}"), &item, 204, "").await;
    }
    daemon.check("GET /v1/plugins", "", 200, r#"{"plugins":[]}"#).await;
    daemon
        .check("GET /v1/plugins/org.x/log", "", 404, r#"{"topic":"/v1/plugins/org.x/log","code":"not_found""#)
        .await;
    let path = daemon.folder.path().join("plugins");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/family-night");
    let package = Package::read_folder(&source).expect("a package");
    let consent = |max_boost| Consent { grants: Grants { max_boost, ..Grants::NONE }, ..Consent::default() };
    let install = |given: &Consent| {
        Installed::install(&path, &package, None, given, |_, _| Ok(())).expect("installed");
    };
    install(&consent(0.1));
    let reload = "POST /v1/plugins/reload";
    let runs = r#"{"plugins":[{"id":"org.attuned.family-night","version":"1.0.0","interface":"attuned:ranking@0.1.0","state":"ready","grants":["max-boost="#;
    daemon.check(reload, "{}", 200, &format!(r#"{runs}0.1"]"#)).await;
    let request = r#"{"request_id":"r","users":["bob"],"context":{"daypart":"evening","device-class":"tv"},"explain":true}"#;
    let asked = |answer: &str| answer.contains("\"org.attuned.family-night\"");
    let ask = || async {
        let head = "POST /v1/recommend HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
        let request = format!("{head}content-length: {}\r\n\r\n{request}", request.len());
        let answer = exchange(daemon.connect().await, &request).await;
        let (status, body) = status_and_body(&answer);
        assert_eq!(status, 200, "{body}");
        body.to_owned()
    };
    assert!(asked(&ask().await));
    // The daemon sees by itself what somebody decides.
    Installed::decide(&path, "org.attuned.family-night", |plugin| {
        plugin.enabled = false;
        Ok(())
    })
    .expect("disabled");
    let start = std::time::Instant::now();
    while asked(&ask().await) {
        assert!(start.elapsed() < Duration::from_secs(20), "it runs for ever");
    }
    // One whose files were changed stays out, and is named.
    Installed::decide(&path, "org.attuned.family-night", |plugin| {
        plugin.enabled = true;
        Ok(())
    })
    .expect("enabled");
    let installed = Installed::read(&path).expect("readable");
    let plugin = &installed.plugins()[0];
    std::fs::write(installed.folder(&plugin.id, &plugin.current).join("README.md"), "x").expect("written");
    let left_out =
        r#"{"plugins":[],"degraded":[{"part":"plugin","name":"org.attuned.family-night","reason":"#;
    daemon.check(reload, "{}", 200, left_out).await;
    install(&consent(0.2));
    let again = r#"{"anew":["org.attuned.family-night"]}"#;
    daemon.check(reload, again, 200, &format!(r#"{runs}0.2"]"#)).await;
    daemon
        .check(
            "GET /v1/plugins/org.attuned.family-night/log",
            "",
            200,
            r#"{"id":"org.attuned.family-night","lines":["#,
        )
        .await;
    daemon.check(reload, r#"{"anew":["a b"]}"#, 400, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_the_shape_of_mqtts_errors() {
    let daemon = Daemon::start().await;
    let refused = |path: &str, code: &str, message: &str| {
        format!(r#"{{"topic":"{path}","code":"{code}","message":"{message}"#)
    };
    let nowhere = refused("/nope", "not_found", "there is nothing at /nope");
    daemon.check("GET /nope", "", 404, &nowhere).await;
    let method = refused("/v1/status", "invalid", "`POST` is not what /v1/status takes");
    daemon.check("POST /v1/status", "", 405, &method).await;
    let unknown = refused("/v1/users/nobody", "not_found", "user `nobody` is not known");
    daemon.check("GET /v1/users/nobody", "", 404, &unknown).await;
    let other = refused("/v1/items/film:1", "invalid", "item `id` is `film:2`, expected `film:1`");
    daemon.check("PUT /v1/items/film:1", r#"{"id":"film:2","kind":"film"}"#, 400, &other).await;
    let path = refused("/v1/items/a%20b", "invalid", "item in the path: id `a b` has ' '");
    daemon.check("DELETE /v1/items/a%20b", "", 400, &path).await;
    let text =
        refused("/v1/items/a/media/text", "invalid", "modality is `text`, expected image, audio or video");
    daemon.check("PUT /v1/items/a/media/text", "x", 400, &text).await;
    let number = refused("/v1/recommend", "invalid", "`n` is 0, expected 1 to 100");
    daemon.check("POST /v1/recommend", r#"{"n":0}"#, 400, &number).await;
    let event = refused("/v1/users/a/events", "invalid", "event `type` is `fly`");
    daemon.check("POST /v1/users/a/events", r#"{"item":"x","type":"fly"}"#, 400, &event).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_whether_or_not_it_says_its_length() {
    let daemon = Daemon::start().await;
    let expected =
        r#"{"topic":"/v1/search","code":"too_large","message":"the body is over 65536 bytes, expected less""#;
    daemon.check("POST /v1/search", &"x".repeat(BODY_BYTES_MAX + 1), 413, expected).await;
    let chunk = format!("{:x}\r\n{}\r\n", BODY_BYTES_MAX, " ".repeat(BODY_BYTES_MAX));
    let head =
        "POST /v1/search HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let answer = exchange(daemon.connect().await, &format!("{head}{chunk}{chunk}0\r\n\r\n")).await;
    let (status, body) = status_and_body(&answer);
    assert!(status == 413 && body.starts_with(expected), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_others_is_kept_off_tcp() {
    let daemon = Daemon::start().await;
    let ask = async |headers: &str| {
        let stream = TcpStream::connect(daemon.tcp).await.expect("a connection");
        let request = format!("GET /v1/status HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
        status_and_body(&exchange(stream, &request).await).0
    };
    let host = daemon.tcp;
    assert_eq!(ask(&format!("host: {host}\r\n")).await, 200);
    assert_eq!(ask(&format!("host: {host}\r\norigin: http://{host}\r\n")).await, 200);
    assert_eq!(ask(&format!("host: {host}\r\norigin: http://evil.example\r\n")).await, 403);
    assert_eq!(ask("host: evil.example\r\n").await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_over_the_limit_wait_until_one_ends() {
    let daemon = Daemon::start().await;
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut stream = daemon.connect().await;
        stream.write_all(b"GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("written");
        // An answer shows that the connection has a place, which it keeps.
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.expect("an answer");
        assert_eq!(&first, b"HTTP/1.1 200");
        open.push(stream);
    }
    let request = "GET /v1/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut late = tokio::spawn(exchange(daemon.connect().await, request));
    // That nothing comes can only be seen by waiting for it.
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut late).await.is_err());
    open.pop();
    let answer = tokio::time::timeout(Duration::from_secs(10), late).await.expect("its turn comes");
    assert!(answer.expect("no panic").starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_idle_connections_and_takes_the_socket_away() {
    let daemon = Daemon::start().await;
    let mut idle = daemon.connect().await;
    idle.write_all(b"GET /v1/status HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("written");
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.expect("an answer");
    let socket = daemon.socket();
    assert!(socket.exists());
    daemon.stop.send(()).expect("it serves");
    tokio::time::timeout(Duration::from_secs(10), daemon.served).await.expect("it ends").expect("no panic");
    assert!(!socket.exists());
    let mut rest = String::new();
    idle.read_to_string(&mut rest).await.expect("the connection is closed");
}

#[tokio::test]
async fn a_left_behind_socket_is_replaced_and_a_living_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run/attuned.sock");
    let first = bind_unix(&path).expect("a free path, its folder made");
    let mode = std::fs::metadata(&path).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    assert!(matches!(bind_unix(&path), Err(HttpError::Taken { .. })));
    // Closing the listener leaves the file, as a kill does.
    drop(first);
    assert!(path.exists());
    bind_unix(&path).expect("the leftover is replaced");
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("attuned.sock");
    std::fs::write(&path, "precious").expect("written");
    let error = bind_unix(&path).expect_err("refused");
    assert!(error.to_string().ends_with("exists and is no socket, expected a free path"), "{error}");
    assert_eq!(std::fs::read(&path).expect("still there"), b"precious");
}
