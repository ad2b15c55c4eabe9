//! What folders are read as, and the sentences about wrong ones.

use std::fs;

use super::*;

/// Reads a folder of these files and says what is in it, or what is wrong.
fn check(files: &[(&str, &[u8])], expected: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("home");
    fs::create_dir(&place).expect("made");
    for (path, content) in files {
        let path = place.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, content).expect("written");
    }
    let got = match read(&place) {
        Ok(data) => {
            let vectors = data.features.iter().map(|features| {
                let with = features.rows.iter().flatten().count();
                format!(", {} {} x {}", features.modality.name(), with, features.dim)
            });
            format!(
                "{}: {} users, {} items ({} described), {} interactions, {:?}{}{}",
                data.name,
                data.users.len(),
                data.items.len(),
                data.described.iter().flatten().count(),
                data.interactions.len(),
                data.clock,
                vectors.collect::<String>(),
                data.notes.iter().map(|note| format!("; {note}")).collect::<String>()
            )
        }
        Err(Wrong(sentence)) => sentence.replace(&place.display().to_string(), "DIR"),
    };
    assert_eq!(got, expected);
}

fn csv(text: &str, expected: &str) {
    check(&[("interactions.csv", text.as_bytes())], expected);
}

#[test]
fn interactions_are_read_whatever_columns_they_have() {
    csv("user,item\na,1\nb,1\n", "home: 2 users, 1 items (0 described), 2 interactions, None");
    csv(
        "item,split,user\n1,train,a\r\n\r\n2,test,a\r\n",
        "home: 1 users, 2 items (0 described), 2 interactions, None",
    );
    csv("user,item,timestamp\na,1,0\na,2,1\n", "home: 1 users, 2 items (0 described), 2 interactions, Order");
    csv("user,item,timestamp\na,1,874965758\n", "home: 1 users, 1 items (0 described), 1 interactions, Time");
    csv(
        "user,item,timestamp\na,1,2026-11-22T18:00:00Z\n",
        "home: 1 users, 1 items (0 described), 1 interactions, Time",
    );
    csv(
        "\u{feff}user,item,type,value\n\"a, b\",\"1\n2\",rate,4\nc,3,like,\n",
        "home: 2 users, 2 items (0 described), 2 interactions, None",
    );
    csv(
        "user,item,value\na,1,3\nb,1,812\n",
        "home: 2 users, 1 items (0 described), 2 interactions, None; \
         values from 3 to 812 are neither ratings nor shares, and are not used",
    );
}

#[test]
fn wrong_interactions_are_answered_by_one_sentence() {
    check(&[], "DIR has no data in it that is known, expected interactions.csv");
    csv("", "DIR/interactions.csv is empty, expected a header");
    csv("user,item\n", "DIR has no interactions, expected some");
    csv(
        "user,thing\na,1\n",
        "DIR/interactions.csv line 1: has the columns user, thing, expected `item` among them",
    );
    csv("user,item\na,1\n,2\n", "DIR/interactions.csv line 3: `user` is empty, expected a name");
    csv("user,item\na\n", "DIR/interactions.csv line 2: `item` is empty, expected a name");
    csv(
        "user,item,split\na,1,trian\n",
        "DIR/interactions.csv line 2: `split` is `trian`, expected train, valid or test",
    );
    csv(
        "user,item,type\na,1,loved\n",
        "DIR/interactions.csv line 2: `type` is `loved`, expected one of impression, view, play, complete, skip, like, \
         dislike, rate, save, hide, purchase, comment, undo",
    );
    csv("user,item,value\na,1,NaN\n", "DIR/interactions.csv line 2: `value` is `NaN`, expected a number");
    csv(
        "user,item,type,value\na,1,rate,9\n",
        "DIR/interactions.csv line 2: `value` of a rating is `9`, expected 1 to 5",
    );
    csv(
        "user,item,timestamp\n\"a\n\",1,5\nb,2,soon\n",
        "DIR/interactions.csv line 4: `timestamp` is `soon`, expected a number or a time as 2026-11-22T18:00:00Z",
    );
    check(
        &[("interactions.csv", b"user,item\na,\xff\n")],
        "DIR/interactions.csv line 2: is not UTF-8, expected text",
    );
}

#[test]
fn items_are_documents_or_rows() {
    let interactions: (&str, &[u8]) = ("interactions.csv", b"user,item\na,1\n");
    let document = br#"{"id": 1, "kind": "film", "title": "M", "tags": ["noir"], "media": [{"modality": "image", "path": "1.jpg"}]}
{"id": "never met", "kind": "film"}
"#;
    check(
        &[interactions, ("items.jsonl", document)],
        "home: 1 users, 2 items (2 described), 1 interactions, None",
    );
    check(
        &[
            interactions,
            ("items.csv", b"item,title,tags,year,image\n1,M,noir|crime,1931,1.jpg\n2,Dune,,2021,\n"),
        ],
        "home: 1 users, 2 items (2 described), 1 interactions, None",
    );
    let wrong = |items: &'static [u8], expected| check(&[interactions, ("items.jsonl", items)], expected);
    wrong(b"{\"id\": \"1\"}\n", "DIR/items.jsonl line 1: is no item document: missing field `kind`");
    wrong(
        b"\n{\"id\":\n",
        "DIR/items.jsonl line 2: is not JSON: EOF while parsing a value at line 1 column 6",
    );
    wrong(b"{\"kind\": \"film\"}", "DIR/items.jsonl line 1: `id` is empty, expected a name");
    wrong(
        b"{\"id\": \"1\", \"kind\": \"film\"}\n{\"id\": \"1\", \"kind\": \"film\"}\n",
        "DIR/items.jsonl line 2: item `1` is described twice, expected once",
    );
    check(
        &[interactions, ("items.jsonl", b""), ("items.csv", b"")],
        "DIR has items.jsonl and items.csv, expected one of them",
    );
}

/// A file of float32 as numpy writes it.
fn npy(rows: usize, columns: usize, values: &[f32]) -> Vec<u8> {
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[test]
fn vectors_belong_to_items_by_their_numbers() {
    let interactions: (&str, &[u8]) = ("interactions.csv", b"user,item\na,1\nb,0\n");
    let three = npy(3, 2, &[1.0, 2.0, 0.0, 0.0, 3.0, 4.0]);
    check(
        &[interactions, ("features/image.npy", &three), ("audio_feat.npy", &three)],
        "home: 2 users, 3 items (0 described), 2 interactions, None, image 2 x 2, audio 2 x 2; \
         1 items have no image vector; 1 items have no audio vector",
    );
    let wrong = |name: &str, content: &[u8], expected| check(&[interactions, (name, content)], expected);
    wrong(
        "image_feat.npy",
        &npy(1, 2, &[1.0, 2.0]),
        "DIR/image_feat.npy has 1 rows, expected 2 or more: there is item 1",
    );
    wrong(
        "features/smell.npy",
        &three,
        "DIR/features/smell.npy is of `smell`, expected text, image, audio or video",
    );
    wrong(
        "image_feat.npy",
        b"PK",
        "DIR/image_feat.npy is no .npy file, expected one as numpy.save writes it",
    );
    wrong(
        "image_feat.npy",
        &npy(2, 2, &[1.0, 2.0, f32::INFINITY, 0.0]),
        "DIR/image_feat.npy has inf in row 1 column 0, expected numbers",
    );
    check(
        &[("interactions.csv", b"user,item\na,M\n"), ("image_feat.npy", &three)],
        "DIR/image_feat.npy has a row for each item by its number, but item `M` is no whole number",
    );
    check(
        &[interactions, ("image_feat.npy", &three), ("features/visual.npy", &three)],
        "DIR/features/visual.npy is of image as DIR/image_feat.npy is, expected one file a modality",
    );
}

#[test]
fn movielens_is_read_as_it_is_given_out() {
    let film = "1|Caf\u{e9} Society (1995)|01-Jan-1995||http://x|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n";
    let latin: Vec<u8> = film.chars().map(|character| character as u8).collect();
    check(
        &[("u.data", b"196\t242\t3\t881250949\n186\t1\t5\t891717742\n"), ("u.item", &latin)],
        "home: 2 users, 2 items (1 described), 2 interactions, Time",
    );
    check(
        &[
            ("ratings.dat", b"1::1193::5::978300760\n"),
            ("movies.dat", b"1193::One Flew Over (1975)::Drama|War\n"),
        ],
        "home: 1 users, 1 items (1 described), 1 interactions, Time",
    );
    check(
        &[
            ("ratings.csv", b"userId,movieId,rating,timestamp\n1,1,4.0,964982703\n"),
            ("movies.csv", b"movieId,title,genres\n1,\"Story, A\",Comedy|Drama\n2,M,(no genres listed)\n"),
        ],
        "home: 1 users, 2 items (2 described), 1 interactions, Time",
    );
    check(&[("u.data", b"1\t2\tmany\t3\n")], "DIR/u.data line 1: `value` is `many`, expected a number");
}

#[test]
fn atomic_files_are_read_by_the_types_of_their_columns() {
    check(
        &[
            (
                "ml.inter",
                b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\tb\t4\t874965758.0\n",
            ),
            (
                "ml.item",
                b"item_id:token\tmovie_title:token_seq\tclass:token_seq\nb\tToy Story\tAnimation Comedy\n",
            ),
        ],
        "home: 1 users, 1 items (1 described), 1 interactions, Time",
    );
    check(
        &[("x.inter", b"session_id:token\titem_id:token\n1\t2\n")],
        "DIR/x.inter line 1: has the columns session_id:token, item_id:token, expected `user_id:token` among them",
    );
    check(&[("x.inter", b""), ("y.inter", b"")], "DIR has 2 files .inter, expected one");
}

#[test]
fn listens_are_tracks_of_artists() {
    let listens = br#"{"user_name":"ann","listened_at":1563100000,"track_metadata":{"artist_name":"Nina","track_name":"Sinnerman"}}
{"user_name":"bob","timestamp":1563100001,"track_metadata":{"artist_name":"Nina","track_name":"Sinnerman"}}
"#;
    check(&[("1.listens", listens)], "home: 2 users, 1 items (1 described), 2 interactions, Time");
    check(
        &[("listens.jsonl", b"{\"listened_at\":1}\n")],
        "DIR/listens.jsonl line 1: is no listen: missing field `track_metadata` at line 1 column 17",
    );
    check(
        &[(
            "userid-timestamp-artid-artname-traid-traname.tsv",
            b"user_1\t2009-05-04T23:08:57Z\tf1b1\tDeep Dish\t\tFlashdance\n",
        )],
        "home: 1 users, 1 items (1 described), 1 interactions, Time",
    );
    check(
        &[(
            "scrobbles.csv",
            b"uts,utc_time,artist,album,track\n1700000000,x,Nina,\"Pastel, Blues\",Sinnerman\n",
        )],
        "home: 1 users, 1 items (1 described), 1 interactions, Time",
    );
}
