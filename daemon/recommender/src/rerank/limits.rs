//! How often a list may repeat a provider or a kind.

use std::collections::HashMap;

use crate::item::Item;
use crate::request::Request;
use crate::settings::Settings;

/// What a list holds so far, and how much of it it may hold.
pub(super) struct Limits<'a> {
    settings: &'a Settings,
    /// Whether kinds count: not where the request names one alone.
    by_kind: bool,
    providers: HashMap<String, usize>,
    kinds: HashMap<String, usize>,
}

impl<'a> Limits<'a> {
    pub(super) fn new(settings: &'a Settings, request: &Request) -> Limits<'a> {
        let by_kind = settings.per_kind_max > 0 && request.kinds.len() != 1;
        Limits { settings, by_kind, providers: HashMap::new(), kinds: HashMap::new() }
    }

    /// Whether anything can be left out by them.
    pub(super) fn bind(&self) -> bool {
        self.by_kind || self.settings.per_provider_max > 0
    }

    /// Whether one more item like this may be in the list.
    pub(super) fn allow(&self, item: &Item) -> bool {
        let below = |counts: &HashMap<String, usize>, name: &str, max: usize| {
            max == 0 || counts.get(name).copied().unwrap_or(0) < max
        };
        let providers = self.settings.per_provider_max;
        let provider = item.provider.as_deref();
        provider.is_none_or(|provider| below(&self.providers, provider, providers))
            && (!self.by_kind || below(&self.kinds, &item.kind, self.settings.per_kind_max))
    }

    /// Takes note of an item that is in the list.
    pub(super) fn count(&mut self, item: &Item) {
        if !self.bind() {
            return;
        }
        if let Some(provider) = &item.provider {
            *self.providers.entry(provider.clone()).or_default() += 1;
        }
        *self.kinds.entry(item.kind.clone()).or_default() += 1;
    }
}
