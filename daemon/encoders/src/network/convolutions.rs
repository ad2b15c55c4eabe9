//! Runs of convolutions as one operator, of our own loops.
//!
//! tract 0.23 takes four times as long as onnxruntime for the depthwise convolutions that mobile
//! networks are made of, and moves every map through memory for each bound and sum. Here a run of
//! convolutions with what is fused into them (bounds as of ReLU6, sums with an earlier map) becomes
//! one [`Chain`], which keeps its maps channels last and its memory between runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use attuned_kernels::{
    Chain, ChainBuilder, Clamp, Convolution, Dense, Depthwise, MapShape, Room, Value, Window,
};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat};
use tract_onnx::tract_core::ops::math::{Add, Max, Min};
use tract_onnx::tract_core::ops::nn::DataFormat;
use tract_onnx::tract_hir::internal::*;

/// Replaces every run of convolutions that our loops can do; what they cannot do stays tract's.
pub(super) fn replace(model: &mut TypedModel) -> TractResult<()> {
    let mut chains = 0;
    while let Some(run) = find(model)? {
        let patch = run.patch(model, chains)?;
        patch.apply(model)?;
        model.compact()?;
        chains += 1;
    }
    Ok(())
}

/// Convolutions that feed each other, in the order in which they can run.
struct Run {
    input: OutletId,
    input_shape: MapShape,
    layers: Vec<Found>,
    /// The layer whose result a value of the graph is; the input is none's.
    made_by: HashMap<OutletId, Option<usize>>,
}

/// A layer and what is fused into it.
struct Found {
    layer: Layer,
    from: OutletId,
    add: Option<OutletId>,
    clamp: Clamp,
    /// The value of the graph that is the layer's result.
    output: OutletId,
}

enum Layer {
    Convolution(Convolution),
    Depthwise(Depthwise),
}

/// The first run in the graph, as long as it can be.
fn find(model: &TypedModel) -> TractResult<Option<Run>> {
    let order = model.eval_order()?;
    for (at, &start) in order.iter().enumerate() {
        let Some((layer, input_shape)) = layer(model, start)? else { continue };
        let input = model.node(start).inputs[0];
        let mut run = Run { input, input_shape, layers: Vec::new(), made_by: HashMap::from([(input, None)]) };
        run.push(layer, input, start.into());
        for &node in &order[at + 1..] {
            run.grow(model, node)?;
        }
        return Ok(Some(run));
    }
    Ok(None)
}

impl Run {
    fn push(&mut self, layer: Layer, from: OutletId, output: OutletId) {
        self.made_by.insert(output, Some(self.layers.len()));
        self.layers.push(Found { layer, from, add: None, clamp: Clamp::NONE, output });
    }

    /// Takes the node in, if everything that it reads is in the run or constant.
    fn grow(&mut self, model: &TypedModel, id: usize) -> TractResult<()> {
        let node = model.node(id);
        if let Some(from) = node.inputs.first().filter(|from| self.made_by.contains_key(from))
            && let Some((layer, _)) = layer(model, id)?
        {
            self.push(layer, *from, id.into());
        } else if let Some(TypedBinOp(operator, None)) = node.op_as::<TypedBinOp>() {
            let [left, right] = *node.inputs else { return Ok(()) };
            if operator.is::<Add>() {
                self.fuse_sum(model, id, left, right)?;
            } else if operator.is::<Max>() || operator.is::<Min>() {
                for (map, bound) in [(left, right), (right, left)] {
                    if let Some(bound) = scalar(model, bound)? {
                        self.fuse_bound(model, id, map, operator.is::<Max>(), bound)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The layer that makes this value, if nobody but one reader needs it as it is.
    fn only_for_one(&self, model: &TypedModel, value: OutletId) -> TractResult<Option<usize>> {
        let only = model.outlet_successors(value).len() == 1 && !model.output_outlets()?.contains(&value);
        Ok(if only { self.made_by.get(&value).copied().flatten() } else { None })
    }

    fn fuse_bound(
        &mut self,
        model: &TypedModel,
        id: usize,
        map: OutletId,
        lower: bool,
        bound: f32,
    ) -> TractResult<()> {
        if let Some(at) = self.only_for_one(model, map)? {
            let clamp = &mut self.layers[at].clamp;
            // Bounds that cross give what the later one says.
            if lower {
                *clamp = Clamp { low: clamp.low.max(bound), high: clamp.high.max(bound) };
            } else {
                *clamp = Clamp { low: clamp.low.min(bound), high: clamp.high.min(bound) };
            }
            self.rename(at, id);
        }
        Ok(())
    }

    /// A sum goes into the later of the two layers, if that can add.
    fn fuse_sum(
        &mut self,
        model: &TypedModel,
        id: usize,
        left: OutletId,
        right: OutletId,
    ) -> TractResult<()> {
        let (Some(&left_by), Some(&right_by)) = (self.made_by.get(&left), self.made_by.get(&right)) else {
            return Ok(());
        };
        let (later, other) = if left_by > right_by { (left, right) } else { (right, left) };
        let same = model.outlet_fact(left)?.shape == model.outlet_fact(right)?.shape;
        if let Some(at) = self.only_for_one(model, later)?.filter(|_| same && left != right) {
            let found = &mut self.layers[at];
            if matches!(found.layer, Layer::Convolution(_))
                && found.add.is_none()
                && found.clamp == Clamp::NONE
            {
                found.add = Some(other);
                self.rename(at, id);
            }
        }
        Ok(())
    }

    /// What the layer gives is now the result of this node.
    fn rename(&mut self, at: usize, id: usize) {
        let output = OutletId::from(id);
        let before = std::mem::replace(&mut self.layers[at].output, output);
        self.made_by.remove(&before);
        self.made_by.insert(output, Some(at));
    }

    /// Puts the chain in the place of the nodes.
    fn patch(self, model: &TypedModel, number: usize) -> TractResult<TypedModelPatch> {
        let (mut builder, input) = ChainBuilder::new(self.input_shape);
        let mut values: HashMap<OutletId, Value> = HashMap::from([(self.input, input)]);
        let mut outputs = Vec::new();
        let fused: Vec<OutletId> =
            self.layers.iter().flat_map(|found| [Some(found.from), found.add]).flatten().collect();
        for found in self.layers {
            let (from, add) = (values[&found.from], found.add.map(|add| values[&add]));
            let value = match found.layer {
                Layer::Convolution(convolution) => builder.convolution(convolution, from, add, found.clamp),
                Layer::Depthwise(depthwise) => builder.depthwise(depthwise, from, found.clamp),
            };
            let value = value
                .with_context(|| format!("{} does not fit what it reads", model.node(found.output.node)))?;
            values.insert(found.output, value);
            let readers = model.outlet_successors(found.output).len();
            let inside = fused.iter().filter(|used| **used == found.output).count();
            if readers > inside || model.output_outlets()?.contains(&found.output) {
                outputs.push((found.output, value));
            }
        }
        let operator = ConvolutionChain {
            chain: Arc::new(builder.finish(outputs.iter().map(|(_, value)| *value).collect())),
            rooms: Arc::default(),
        };
        let mut patch = TypedModelPatch::default();
        let tap = patch.tap_model(model, self.input)?;
        let wires = patch.wire_node(format!("convolutions.{number}"), operator, &[tap])?;
        for ((output, _), wire) in outputs.iter().zip(&wires) {
            patch.shunt_outside(model, *output, *wire)?;
        }
        Ok(patch)
    }
}

/// The value of a constant that is one number, however many axes it has.
fn scalar(model: &TypedModel, outlet: OutletId) -> TractResult<Option<f32>> {
    let Some(konst) = &model.outlet_fact(outlet)?.konst else { return Ok(None) };
    if konst.len() != 1 || konst.datum_type() != f32::datum_type() {
        return Ok(None);
    }
    Ok(konst.try_as_plain_ram()?.as_slice::<f32>()?.first().copied())
}

/// The node as a layer and the shape of its input, if it is a convolution that our loops can do:
/// f32, channels first, one group or one a channel, no dilation, constant weights, known extent.
fn layer(model: &TypedModel, id: usize) -> TractResult<Option<(Layer, MapShape)>> {
    let node = model.node(id);
    let Some(conv) = node.op_as::<Conv>() else { return Ok(None) };
    let spec = &conv.pool_spec;
    let fact = model.outlet_fact(node.inputs[0])?;
    let depthwise = conv.group > 1 && conv.group == spec.input_channels && conv.group == spec.output_channels;
    let supported = conv.q_params.is_none()
        && conv.kernel_fmt == KernelFormat::OIHW
        && spec.data_format == DataFormat::NCHW
        && fact.datum_type == f32::datum_type()
        && fact.rank() == 4
        && (conv.group == 1 || depthwise)
        && spec.dilations().iter().all(|dilation| *dilation == 1);
    let [_, kernel, bias] = *node.inputs else { return Ok(None) };
    let (Some(kernel), Some(bias)) = (&model.outlet_fact(kernel)?.konst, &model.outlet_fact(bias)?.konst)
    else {
        return Ok(None);
    };
    let extent: Vec<usize> = fact.shape.iter().skip(1).map_while(|dim| dim.to_usize().ok()).collect();
    let ([channels, height, width], true) = (&extent[..], supported) else { return Ok(None) };
    let (channels, height, width) = (*channels, *height, *width);
    let padding = spec.computed_padding(&[height, width]);
    let strides = spec.strides();
    let window = Window {
        kernel: [spec.kernel_shape[0], spec.kernel_shape[1]],
        stride: [strides[0], strides[1]],
        pad_before: [padding[0].pad_before, padding[1].pad_before],
        pad_after: [padding[0].pad_after, padding[1].pad_after],
    };
    let weights = kernel.try_as_plain_ram()?.as_slice::<f32>()?;
    let bias = bias.try_as_plain_ram()?.as_slice::<f32>()?;
    // A bias that is missing in the file comes as one 0 for all channels.
    let bias = |output: usize| bias[if bias.len() == 1 { 0 } else { output }];
    let (taps, outputs) = (window.taps(), spec.output_channels);
    let layer = if depthwise {
        let by_tap = (0..taps * outputs).map(|at| weights[(at % outputs) * taps + at / outputs]).collect();
        Layer::Depthwise(Depthwise::new(window, by_tap, (0..outputs).map(bias).collect()))
    } else {
        let weight = |input: usize, output: usize| {
            weights[(output * channels + input % channels) * taps + input / channels]
        };
        Layer::Convolution(Convolution::new(
            window,
            channels,
            Dense::new(taps * channels, outputs, weight, bias),
        ))
    };
    Ok(Some((layer, MapShape { height, width, channels })))
}

/// The operator: maps `[batch, channels, height, width]` in and out.
#[derive(Debug, Clone)]
struct ConvolutionChain {
    chain: Arc<Chain>,
    /// Memory of runs that are over; as many as have ever overlapped.
    rooms: Arc<Mutex<Vec<Room>>>,
}

impl PartialEq for ConvolutionChain {
    fn eq(&self, other: &ConvolutionChain) -> bool {
        Arc::ptr_eq(&self.chain, &other.chain)
    }
}

impl Eq for ConvolutionChain {}

impl Op for ConvolutionChain {
    fn name(&self) -> StaticName {
        "ConvolutionChain".into()
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for ConvolutionChain {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = &inputs[0];
        let batch = input.shape()[0];
        let mut outputs = self
            .chain
            .outputs()
            .map(|shape| Tensor::zero::<f32>(&[batch, shape.channels, shape.height, shape.width]))
            .collect::<TractResult<TVec<Tensor>>>()?;
        // A run that panicked leaves a room that is as good as any.
        let rooms = || self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = rooms().pop().unwrap_or_default();
        let values = input.try_as_plain_ram()?.as_slice::<f32>()?;
        let mut result = Ok(());
        self.chain.run(values, &mut room, |number, maps| {
            let written = outputs[number].try_as_plain_ram_mut().and_then(|mut output| {
                maps.write(output.as_slice_mut::<f32>()?);
                Ok(())
            });
            if let Err(error) = written {
                result = Err(error);
            }
        });
        result?;
        rooms().push(room);
        Ok(outputs.into_iter().map(Tensor::into_tvalue).collect())
    }
}

impl TypedOp for ConvolutionChain {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let MapShape { height, width, channels } = self.chain.input();
        let expected = [channels, height, width];
        if inputs[0].rank() != 4
            || inputs[0].shape[1..].iter().zip(expected).any(|(found, expected)| *found != expected.to_dim())
        {
            bail!(
                "a chain of convolutions is given {:?}, expected [batch, {channels}, {height}, {width}]",
                inputs[0]
            );
        }
        let batch = &inputs[0].shape[0];
        Ok(self
            .chain
            .outputs()
            .map(|shape| {
                f32::fact([
                    batch.clone(),
                    shape.channels.to_dim(),
                    shape.height.to_dim(),
                    shape.width.to_dim(),
                ])
            })
            .collect())
    }

    as_op!();
}
