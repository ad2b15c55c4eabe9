//! `attuned:ranking@0.1`, of `sdk/contract/v0.1`.

use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Linker, Resource};

use super::{Adapter, Prepared, Rule, Version};
use crate::log::LogLevel;
use crate::sandbox::{CandidatesView, ContextView, Sandbox};

/// Bindings generated from the contract.
mod bindings {
    wasmtime::component::bindgen!({
        path: "../../sdk/contract/v0.1",
        world: "ranker",
        with: {
            "attuned:ranking/input.context": crate::sandbox::ContextView,
            "attuned:ranking/input.candidates": crate::sandbox::CandidatesView,
        },
    });
}

pub(crate) use bindings::attuned::ranking::types;
use bindings::attuned::ranking::{host, input};
use bindings::{Ranker, RankerPre};

/// Speaks this version.
pub(super) struct V0_1;

impl Adapter for V0_1 {
    fn version(&self) -> Version {
        Version { major: 0, minor: 1, patch: 0 }
    }

    fn link(&self, linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
        Ranker::add_to_linker::<_, HasSelf<_>>(linker, |sandbox| sandbox)
    }

    fn prepare(
        &self,
        linker: &Linker<Sandbox>,
        component: &Component,
    ) -> wasmtime::Result<Box<dyn Prepared>> {
        Ok(Box::new(linker.instantiate_pre(component).and_then(RankerPre::new)?))
    }
}

impl Prepared for RankerPre<Sandbox> {
    fn instantiate(&self, store: &mut Store<Sandbox>) -> wasmtime::Result<Box<dyn Rule>> {
        Ok(Box::new(RankerPre::instantiate(self, store)?))
    }
}

impl Rule for Ranker {
    fn check(&self, store: &mut Store<Sandbox>) -> wasmtime::Result<Result<(), types::Failure>> {
        self.attuned_ranking_rule().call_check(store)
    }

    fn rank(&self, store: &mut Store<Sandbox>) -> wasmtime::Result<Result<types::Ruling, types::Failure>> {
        let (context, candidates) = (Resource::new_borrow(0), Resource::new_borrow(0));
        self.attuned_ranking_rule().call_rank(store, context, candidates)
    }
}

impl input::Host for Sandbox {}
impl types::Host for Sandbox {}

impl input::HostContext for Sandbox {
    fn minute_of_day(&mut self, _: Resource<ContextView>) -> u16 {
        self.input.as_ref().map_or(0, |input| input.context.minute_of_day)
    }

    fn weekday(&mut self, _: Resource<ContextView>) -> u8 {
        self.input.as_ref().map_or(1, |input| input.context.weekday)
    }

    fn slate_size(&mut self, _: Resource<ContextView>) -> u32 {
        self.input.as_ref().map_or(0, |input| input.context.slate_size)
    }

    fn facet(&mut self, _: Resource<ContextView>, name: String) -> Option<String> {
        self.facet_named(&name)
    }

    fn subject(&mut self, _: Resource<ContextView>) -> Option<String> {
        self.input.as_ref()?.subject.clone()
    }

    fn seed(&mut self, _: Resource<ContextView>) -> u64 {
        self.input.as_ref().map_or(0, |input| input.context.seed)
    }

    fn drop(&mut self, _: Resource<ContextView>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl input::HostCandidates for Sandbox {
    fn len(&mut self, _: Resource<CandidatesView>) -> u32 {
        self.input.as_ref().map_or(0, |input| input.scores.len() as u32)
    }

    fn scores(&mut self, _: Resource<CandidatesView>) -> Vec<f32> {
        self.input.as_ref().map_or_else(Vec::new, |input| input.scores.clone())
    }

    fn feature(&mut self, _: Resource<CandidatesView>, name: String) -> Option<Vec<f32>> {
        self.column_named(&name)
    }

    fn attribute(&mut self, _: Resource<CandidatesView>, name: String) -> Option<types::Labels> {
        let (codes, values) = self.labels_named(&name)?;
        Some(types::Labels { codes, values })
    }

    fn tagged(&mut self, _: Resource<CandidatesView>, tag: String) -> Vec<u32> {
        self.positions_tagged(&tag)
    }

    fn of_kind(&mut self, _: Resource<CandidatesView>, kind: String) -> Vec<u32> {
        self.positions_of_kind(&kind)
    }

    fn item_ids(&mut self, _: Resource<CandidatesView>) -> Option<Vec<String>> {
        self.ids()
    }

    fn drop(&mut self, _: Resource<CandidatesView>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl host::Host for Sandbox {
    fn log(&mut self, level: host::Level, message: String) {
        let level = match level {
            host::Level::Debug => LogLevel::Debug,
            host::Level::Info => LogLevel::Info,
            host::Level::Warn => LogLevel::Warn,
            host::Level::Error => LogLevel::Error,
        };
        self.log.push(level, &message);
    }

    fn setting(&mut self, name: String) -> Option<String> {
        self.setting_named(&name)
    }
}
