//! What must hold for any value: what is encoded decodes to itself, and any bytes are decoded or
//! refused without a panic.

use attuned_recommender::Context;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::store::record::{content, event, item, outbox, state, totals, value};

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        (-1e12..1e12_f64).prop_map(Value::Number),
        ".{0,20}".prop_map(Value::Text),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::List),
            btree_map(".{0,8}", inner, 0..4).prop_map(Value::Map),
        ]
    })
}

fn any_context() -> impl Strategy<Value = Context> {
    btree_map("[a-z_]{1,10}", any_value(), 0..4)
}

/// A vector that reading it back does not change: scaling it to unit length rounds nothing.
fn axis() -> impl Strategy<Value = Embedding> {
    (1..600_usize).prop_flat_map(|dim| (Just(dim), 0..dim, any::<bool>())).prop_map(|(dim, at, negative)| {
        let mut values = vec![0.0; dim];
        values[at] = if negative { -1.0 } else { 1.0 };
        Embedding::from_values(values).expect("finite")
    })
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(at)
}

prop_compose! {
    fn any_item()(
        id in "[A-Za-z0-9._:@-]{1,128}", kind in ".{0,20}", title in option::of(".{0,40}"),
        text in option::of(".{0,40}"), tags in vec(".{0,10}", 0..4), attributes in any_context(),
        (published_at, expires_at) in (option::of(any_time()), option::of(any_time())),
        provider in option::of(".{0,10}"),
        media in vec((select(Modality::ALL.to_vec()), option::of(any::<[u8; 32]>()), "[ -~]{0,20}"), 0..3),
        own_embeddings in btree_map(select(Modality::ALL.to_vec()), axis(), 0..3),
    ) -> StoredItem {
        let media = media.into_iter().map(|(modality, hash, path)| StoredMedia {
            modality,
            source: match hash {
                Some(bytes) => MediaSource::Hash(MediaHash::from_bytes(bytes)),
                None => MediaSource::Path(path.into()),
            },
        });
        StoredItem {
            media: media.collect(),
            item: Item { id: item_id(&id), kind, title, text, tags, attributes, published_at, expires_at, provider },
            own_embeddings,
            content: None,
            content_pending: false,
        }
    }
}

prop_compose! {
    fn any_event()(
        who in "[A-Za-z0-9._:@-]{1,128}", item in "[A-Za-z0-9._:@-]{1,128}",
        event_type in select(EventType::ALL.to_vec()), value in option::of(-1e6..1e6_f32), at in any_time(),
        context in any_context(),
        comment in option::of((option::of(-1.0..1.0_f32), option::of(axis()))),
    ) -> Event {
        let comment = comment.map(|(sentiment, semantic)| Comment { sentiment, semantic });
        Event { user: user(&who), item: item_id(&item), event_type, value, at, context, comment }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn items_decode_to_themselves(stored in any_item()) {
        let document = item::decode(item::VERSION, &item::encode(&stored)).expect("decodes");
        prop_assert_eq!(document.item, stored.item);
        prop_assert_eq!(document.media, stored.media);
        prop_assert_eq!(document.own_embeddings, stored.own_embeddings);
    }

    #[test]
    fn events_decode_to_themselves(happened in any_event(), id in option::of("[A-Za-z0-9._:@-]{1,128}")) {
        let id = id.map(|id| event_id(&id));
        let payload = event::encode(&happened, id.as_ref());
        prop_assert_eq!(event::decode(event::VERSION, &payload), Ok((happened, id)));
    }

    #[test]
    fn values_decode_to_themselves(any in any_value()) {
        prop_assert_eq!(value::decode(value::VERSION, &value::encode(&any)), Ok(any));
    }

    #[test]
    fn messages_decode_to_themselves(
        topic in ".{0,40}", payload in vec(any::<u8>(), 0..100), retain in any::<bool>(),
        correlation in option::of(vec(any::<u8>(), 0..20)), expires_at in option::of(any_time()),
    ) {
        let message = OutboxMessage { topic, payload, retain, correlation, expires_at };
        prop_assert_eq!(outbox::decode(outbox::VERSION, &outbox::encode(&message)), Ok(message));
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(version in 0..3_u8, payload in vec(any::<u8>(), 0..200)) {
        drop(item::decode(version, &payload));
        drop(content::decode(version, &payload));
        drop(event::decode(version, &payload));
        drop(event::decode_note(version, &payload));
        drop(value::decode(version, &payload));
        drop(outbox::decode(version, &payload));
        drop(totals::decode(version, &payload));
        drop(state::decode_user(version, &payload));
        drop(state::decode_household(version, &payload));
    }
}
