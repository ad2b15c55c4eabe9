//! What a guest can reach: the columns that its manifest names, its settings, a log, and memory up to
//! its limit. There is nothing else in here that a guest could ask.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use attuned_recommender::ruling::{Batch, RuleContext};
use attuned_recommender::{Item, Value};
use wasmtime::ResourceLimiter;

use crate::limits::{INSTANCES_MAX, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};
use crate::log::CallLog;
use crate::manifest::Projection;

/// Stands for the request of the running call; a guest can only hold what it was lent.
pub struct ContextView;

/// Stands for the batch of the running call.
pub struct CandidatesView;

/// The data of one call.
pub(crate) struct Input {
    pub(crate) batch: Arc<Batch>,
    pub(crate) context: Arc<RuleContext>,
    /// Scores after the rules that ran before, shape `[len]`.
    pub(crate) scores: Vec<f32>,
    /// The user's pseudonym, if the plugin may have it.
    pub(crate) subject: Option<String>,
}

impl Input {
    fn items(&self) -> &[Arc<Item>] {
        &self.batch.items[..self.scores.len()]
    }

    fn positions(&self, wanted: impl Fn(&Item) -> bool) -> Vec<u32> {
        let rows = (0..).zip(self.items());
        rows.filter(|(_, item)| wanted(item)).map(|(position, _)| position).collect()
    }
}

/// What belongs to one plugin and stays the same from call to call.
pub(crate) struct Plan {
    pub(crate) projection: Projection,
    pub(crate) settings: BTreeMap<String, String>,
    pub(crate) item_ids: bool,
}

/// The state of one instance.
pub(crate) struct Sandbox {
    plan: Arc<Plan>,
    /// There is one while `rank` runs, and no guest can ask before.
    pub(crate) input: Option<Input>,
    pub(crate) log: CallLog,
    pub(crate) meter: Meter,
}

impl Sandbox {
    pub(crate) fn new(plan: Arc<Plan>, memory_bytes: usize) -> Self {
        Self { plan, input: None, log: CallLog::default(), meter: Meter::new(memory_bytes) }
    }
}

/// What a guest asks for by name; whatever its manifest does not name is not there.
impl Sandbox {
    pub(crate) fn facet_named(&self, name: &str) -> Option<String> {
        let named = self.plan.projection.facets.contains(name);
        self.input.as_ref().filter(|_| named)?.context.facets.get(name).cloned()
    }

    /// Shape `[len]`.
    pub(crate) fn column_named(&self, name: &str) -> Option<Vec<f32>> {
        let named = self.plan.projection.features.contains(name);
        let input = self.input.as_ref().filter(|_| named)?;
        Some(input.batch.features.get(name)?.get(..input.scores.len())?.to_vec())
    }

    /// A code for each row, shape `[len]`, and the text of each code; a code without a text is absent.
    pub(crate) fn labels_named(&self, name: &str) -> Option<(Vec<u32>, Vec<String>)> {
        let named = self.plan.projection.attributes.contains(name);
        let input = self.input.as_ref().filter(|_| named)?;
        let mut values = Vec::new();
        let mut code_of = HashMap::new();
        let codes = input.items().iter().map(|item| match item.attributes.get(name).and_then(text) {
            None => u32::MAX,
            Some(value) => *code_of.entry(value).or_insert_with_key(|value| {
                values.push(value.clone());
                values.len() as u32 - 1
            }),
        });
        let codes = codes.collect();
        Some((codes, values))
    }

    pub(crate) fn positions_tagged(&self, tag: &str) -> Vec<u32> {
        let named = self.plan.projection.tags.contains(tag);
        let input = self.input.as_ref().filter(|_| named);
        input
            .map_or_else(Vec::new, |input| input.positions(|item| item.tags.iter().any(|known| known == tag)))
    }

    pub(crate) fn positions_of_kind(&self, kind: &str) -> Vec<u32> {
        let named = self.plan.projection.kinds.contains(kind);
        let input = self.input.as_ref().filter(|_| named);
        input.map_or_else(Vec::new, |input| input.positions(|item| item.kind == kind))
    }

    /// The catalogue's ids, if it was granted them.
    pub(crate) fn ids(&self) -> Option<Vec<String>> {
        let input = self.input.as_ref().filter(|_| self.plan.item_ids)?;
        Some(input.items().iter().map(|item| item.id.to_string()).collect())
    }

    pub(crate) fn setting_named(&self, name: &str) -> Option<String> {
        self.plan.settings.get(name).cloned()
    }
}

/// An attribute as text; lists and objects have none.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::List(_) | Value::Map(_) => None,
    }
}

/// Counts what an instance holds. Memories count together, as a limit for each could be passed by
/// having many.
pub(crate) struct Meter {
    memory_bytes: usize,
    memory_bytes_max: usize,
    table_elements: usize,
    growth: Growth,
    /// Whether something was refused since this was last reset: explains the trap that follows.
    pub(crate) refused: bool,
}

/// The newest growth, to be taken back if the system has no memory for it.
enum Growth {
    None,
    Memory(usize),
    Table(usize),
}

impl Meter {
    fn new(memory_bytes_max: usize) -> Self {
        Self { memory_bytes: 0, memory_bytes_max, table_elements: 0, growth: Growth::None, refused: false }
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        let total = self.memory_bytes.saturating_add(more);
        let fits = total <= self.memory_bytes_max;
        if fits {
            self.memory_bytes = total;
            self.growth = Growth::Memory(more);
        }
        self.refused |= !fits;
        Ok(fits)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        let total = self.table_elements.saturating_add(more);
        let fits = total <= TABLE_ELEMENTS_MAX;
        if fits {
            self.table_elements = total;
            self.growth = Growth::Table(more);
        }
        self.refused |= !fits;
        Ok(fits)
    }

    fn table_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}

impl Meter {
    fn take_back(&mut self) {
        match std::mem::replace(&mut self.growth, Growth::None) {
            Growth::None => {}
            Growth::Memory(bytes) => self.memory_bytes -= bytes,
            Growth::Table(elements) => self.table_elements -= elements,
        }
        self.refused = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_count_together() {
        let mut meter = Meter::new(100);
        assert!(meter.memory_growing(0, 60, None).expect("an answer"));
        assert!(!meter.memory_growing(0, 60, None).expect("an answer"));
        assert!(meter.refused);
        assert!(meter.memory_growing(60, 100, None).expect("an answer"));
        meter.memory_grow_failed(wasmtime::Error::msg("no memory")).expect("taken back");
        assert_eq!(meter.memory_bytes, 60);
        assert!(!meter.memory_growing(0, usize::MAX, None).expect("an answer"));
    }

    #[test]
    fn tables_count_together() {
        let mut meter = Meter::new(0);
        assert!(meter.table_growing(0, TABLE_ELEMENTS_MAX, None).expect("an answer"));
        assert!(!meter.table_growing(0, 1, None).expect("an answer"));
    }
}
