//! The neural network of a model: loaded and checked once, run many times.
//!
//! The only module that knows tract. It knows shapes and names, and nothing of what they mean.

use std::sync::OnceLock;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::knobs::KnobScope;
use tract_onnx::tract_hir::internal::DimLike;

use crate::error::ModelError;
use crate::model::{DatumEntry, DimEntry, Model};

mod attention;
mod bare;
mod convolutions;
mod gpu;
mod pattern;
mod products;
mod rows;
mod runtime;
#[cfg(test)]
mod tests;

pub use bare::BareNetwork;
pub use runtime::Runtime;

/// A prepared network; runs take `&self` and may overlap.
#[derive(Debug)]
pub(crate) struct Network {
    /// Absent if none is wanted, or none can be used.
    on_gpu: Option<Box<dyn Runnable>>,
    /// Made when it is first needed: beside one on a GPU it seldom is.
    on_cpu: OnceLock<Result<Box<dyn Runnable>, ModelError>>,
    model: Model,
}

/// One input of a run.
pub(crate) enum Array {
    F32(Vec<usize>, Vec<f32>),
    I64(Vec<usize>, Vec<i64>),
}

impl Network {
    /// Reads the model's ONNX file and prepares it: for a GPU if that is wanted and one can be used,
    /// else for this processor.
    ///
    /// # Errors
    ///
    /// [`ModelError::Refused`] if the file is not ONNX, uses an operator that is not supported, or
    /// its inputs and outputs are not those that `model.toml` lists.
    pub fn load(model: &Model, runtime: Runtime) -> Result<Network, ModelError> {
        let network = Network { on_gpu: None, on_cpu: OnceLock::new(), model: model.clone() };
        let on_gpu = match runtime {
            Runtime::Cpu => None,
            Runtime::GpuOrCpu => {
                let graph = checked(model)?;
                gpu::prepare(|| runtime::on_gpu(graph))
            }
        };
        if on_gpu.is_none() {
            network.on_cpu()?;
        }
        Ok(Network { on_gpu, ..network })
    }

    fn on_cpu(&self) -> Result<&dyn Runnable, ModelError> {
        let model = &self.model;
        let prepare = || {
            // The direct convolution of tract 0.23 is slower than its matrix product for kernels as
            // high as a spectrogram, and no faster for the others.
            let knobs = KnobScope::new([("TRACT_DISABLE_DIRECT_SPATIAL", "true")])
                .map_err(|error| model.refused(format!("{error:#}")))?;
            let graph = checked(model)?;
            knobs.enter(|| runtime::on_cpu(graph)).map_err(|error| of_file(model, &error))
        };
        self.on_cpu.get_or_init(prepare).as_deref().map_err(ModelError::clone)
    }

    /// Whether it runs on a GPU.
    pub fn is_on_gpu(&self) -> bool {
        self.on_gpu.is_some() && !gpu::is_given_up()
    }

    /// Runs once over inputs in the order of `model.toml`; gives the outputs in theirs, flattened.
    ///
    /// # Errors
    ///
    /// A sentence, if the inputs are not of the network's shape: the model and its front end do
    /// not fit.
    pub fn run(&self, inputs: Vec<Array>) -> Result<Vec<Vec<f32>>, String> {
        let inputs = inputs.into_iter().map(tensor).collect::<TractResult<TVec<TValue>>>();
        let outputs = inputs.map_err(|error| format!("{error:#}")).and_then(|inputs| self.compute(inputs))?;
        outputs
            .iter()
            .zip(&self.model.document.network.output)
            .map(|(output, entry)| {
                let name = &entry.name;
                let values = output.cast_to::<f32>().map_err(|error| format!("{error:#}"))?;
                let values = values.to_plain_array_view::<f32>().map_err(|error| format!("{error:#}"))?;
                let values: Vec<f32> = values.iter().copied().collect();
                match values.iter().position(|value| !value.is_finite()) {
                    Some(at) => {
                        Err(format!("output `{name}` has {} at {at}, expected a finite number", values[at]))
                    }
                    None => Ok(values),
                }
            })
            .collect()
    }

    /// Whether one run takes several pieces: the first dimension of all that goes in and comes out is
    /// a symbol.
    pub fn takes_several(&self) -> bool {
        let network = &self.model.document.network;
        let shapes = network.input.iter().map(|input| &input.shape);
        let mut shapes = shapes.chain(network.output.iter().map(|output| &output.shape));
        shapes.all(|shape| matches!(shape.first(), Some(DimEntry::Symbol(_))))
    }

    /// [`run`](Self::run) over inputs whose first dimension is `pieces`; gives each piece's outputs.
    ///
    /// # Errors
    ///
    /// As there, or if an output is not of as many pieces.
    pub fn run_pieces(&self, pieces: usize, inputs: Vec<Array>) -> Result<Vec<Vec<Vec<f32>>>, String> {
        let mut by_piece = vec![Vec::new(); pieces];
        for (output, entry) in self.run(inputs)?.into_iter().zip(&self.model.document.network.output) {
            let len = output.len() / pieces.max(1);
            if len == 0 || output.len() != len * pieces {
                let (name, found) = (&entry.name, output.len());
                return Err(format!(
                    "output `{name}` has {found} values, expected as many for each of {pieces}"
                ));
            }
            for (outputs, part) in by_piece.iter_mut().zip(output.chunks_exact(len)) {
                outputs.push(part.to_vec());
            }
        }
        Ok(by_piece)
    }

    fn compute(&self, inputs: TVec<TValue>) -> Result<TVec<TValue>, String> {
        let on_cpu = |inputs| {
            let runnable = self.on_cpu().map_err(|error| error.to_string())?;
            runnable.run(inputs).map_err(|error| format!("{error:#}"))
        };
        let Some(on_gpu) = self.on_gpu.as_ref().filter(|_| !gpu::is_given_up()) else {
            return on_cpu(inputs);
        };
        gpu::guarded(|| on_gpu.run(inputs.clone())).or_else(|reason| {
            // Inputs that the processor refuses too are no fault of the GPU.
            let outputs = on_cpu(inputs)?;
            gpu::give_up(&reason);
            Ok(outputs)
        })
    }
}

fn tensor(array: Array) -> TractResult<TValue> {
    Ok(match array {
        Array::F32(shape, values) => Tensor::from_shape(&shape, &values)?,
        Array::I64(shape, values) => Tensor::from_shape(&shape, &values)?,
    }
    .into_tvalue())
}

/// The network of the model's file, once it is known to be what `model.toml` says.
fn checked(model: &Model) -> Result<TypedModel, ModelError> {
    let bytes = model.file(&model.document.network.file)?;
    graph(model, &bytes).map_err(|error| of_file(model, &error))
}

fn of_file(model: &Model, error: &TractError) -> ModelError {
    model.refused(format!("file `{}`: {error:#}", model.document.network.file))
}

/// The network, once it is known to be what `model.toml` says.
fn graph(model: &Model, mut bytes: &[u8]) -> TractResult<TypedModel> {
    // Intermediate shapes that name symbols are what tract trips over; it finds them itself.
    let mut graph = onnx().with_ignore_value_info(true).model_for_read(&mut bytes)?;
    let network = &model.document.network;
    let inputs: Vec<&str> = network.input.iter().map(|input| input.name.as_str()).collect();
    let outputs: Vec<&str> = network.output.iter().map(|output| output.name.as_str()).collect();
    let unlisted: Vec<String> = graph
        .input_outlets()?
        .iter()
        .map(|outlet| graph.node(outlet.node).name.clone())
        .filter(|name| !inputs.contains(&name.as_str()))
        .collect();
    anyhow_ensure(unlisted.is_empty(), || {
        format!("it has an input `{}` that model.toml lacks", unlisted[0])
    })?;
    graph.select_inputs_by_name(&inputs)?;
    graph.select_outputs_by_name(&outputs)?;
    let typed = graph.into_typed()?;
    for (at, input) in network.input.iter().enumerate() {
        let fact = typed.input_fact(at)?;
        let datum = match input.datum {
            DatumEntry::F32 => f32::datum_type(),
            DatumEntry::I64 => i64::datum_type(),
        };
        anyhow_ensure(fact.datum_type == datum && fits(&fact.shape, &input.shape), || {
            mismatch("input", &input.name, fact, &input.shape)
        })?;
    }
    for (at, output) in network.output.iter().enumerate() {
        let fact = typed.output_fact(at)?;
        anyhow_ensure(fact.datum_type == f32::datum_type() && fits(&fact.shape, &output.shape), || {
            mismatch("output", &output.name, fact, &output.shape)
        })?;
    }
    Ok(typed)
}

fn anyhow_ensure(holds: bool, reason: impl FnOnce() -> String) -> TractResult<()> {
    if holds { Ok(()) } else { Err(TractError::msg(reason())) }
}

/// Whether numbers stand where `model.toml` has numbers, the same ones, and symbols where it has
/// names.
fn fits(found: &[TDim], expected: &[DimEntry]) -> bool {
    found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| match (found.to_usize(), expected) {
            (Ok(found), DimEntry::Values(expected)) => found == *expected,
            (Err(_), DimEntry::Symbol(_)) => true,
            (Ok(_), DimEntry::Symbol(_)) | (Err(_), DimEntry::Values(_)) => false,
        })
}

fn mismatch(side: &str, name: &str, fact: &TypedFact, expected: &[DimEntry]) -> String {
    let expected: Vec<String> = expected
        .iter()
        .map(|dim| match dim {
            DimEntry::Values(values) => values.to_string(),
            DimEntry::Symbol(name) => name.clone(),
        })
        .collect();
    format!("its {side} `{name}` is {fact:?}, expected shape [{}] as model.toml says", expected.join(", "))
}
