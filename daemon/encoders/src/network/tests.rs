//! Our own loops against tract's: the same results, and where they are used.

use std::path::PathBuf;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math::{add, div, erf, max, min, mul, rsqrt, square, sub};
use tract_onnx::tract_core::ops::nn::{DataFormat, Reduce, Reducer};
use tract_onnx::tract_hir::internal::*;

use super::{graph, runtime};
use crate::model::{DatumEntry, DimEntry, Model};

/// The least cosine between our results and tract's.
const COSINE_MIN: f64 = 0.999_999;

/// Numbers in `[-1, 1)`, told by their place.
fn noise(shape: &[usize], seed: u32) -> Tensor {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let values: Vec<f32> = (0..shape.iter().product())
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as f32 / 32_768.0 - 1.0
        })
        .collect();
    Tensor::from_shape(shape, &values).expect("as many values as the shape says")
}

/// Runs the graph as tract does and with our loops; gives the names of the operators that then do
/// the work.
#[track_caller]
fn check(graph: &TypedModel, inputs: &TVec<TValue>) -> Vec<String> {
    let expected =
        runtime::plain(graph.clone()).and_then(|runnable| runnable.run(inputs.clone())).expect("runs");
    let ours = runtime::on_cpu(graph.clone()).expect("is prepared");
    let found = ours.run(inputs.clone()).expect("runs");
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found.shape(), expected.shape());
        let pairs = || {
            let (found, expected) =
                (found.to_plain_array_view::<f32>(), expected.to_plain_array_view::<f32>());
            let (found, expected) = (found.expect("f32"), expected.expect("f32"));
            found.iter().zip(&expected).map(|(a, b)| (f64::from(*a), f64::from(*b))).collect::<Vec<_>>()
        };
        let sum = |product: fn((f64, f64)) -> f64| pairs().into_iter().map(product).sum::<f64>();
        let cosine = sum(|(a, b)| a * b) / (sum(|(a, _)| a * a) * sum(|(_, b)| b * b)).sqrt();
        assert!(cosine >= COSINE_MIN, "cosine {cosine:.8}, expected at least {COSINE_MIN}");
    }
    let model = ours.typed_model().expect("runs on the CPU").clone();
    model.nodes().iter().map(|node| node.op.name().into_owned()).collect()
}

fn count(operators: &[String], name: &str) -> usize {
    operators.iter().filter(|operator| operator.contains(name)).count()
}

fn bundled(name: &str, symbol: usize) -> (TypedModel, TVec<TValue>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../models").join(name);
    let model = Model::read(&folder).expect("a bundled model opens");
    let bytes = model.file(&model.document.network.file).expect("is read");
    let inputs = model.document.network.input.iter().map(|input| {
        let shape: Vec<usize> = input
            .shape
            .iter()
            .map(|dim| match dim {
                DimEntry::Values(values) => *values,
                DimEntry::Symbol(_) => symbol,
            })
            .collect();
        match input.datum {
            DatumEntry::F32 => noise(&shape, 7).into_tvalue(),
            // Token ids, or their mask: of a long text the end is hidden.
            DatumEntry::I64 => {
                let len = shape.iter().product();
                let value = |at: usize| match input.name.contains("mask") {
                    true => i64::from(at < 20),
                    false => 1 + (at as i64 * 37) % 900,
                };
                let values: Vec<i64> = (0..len).map(value).collect();
                Tensor::from_shape(&shape, &values).expect("as many values as the shape says").into_tvalue()
            }
        }
    });
    (graph(&model, &bytes).expect("is understood"), inputs.collect())
}

#[test]
fn the_picture_model_is_one_chain() {
    let (graph, inputs) = bundled("efficientnet-lite0", 1);
    let operators = check(&graph, &inputs);
    assert_eq!(count(&operators, "ConvolutionChain"), 1, "{operators:?}");
    assert_eq!(count(&operators, "Depth") + count(&operators, "Im2"), 0, "{operators:?}");
}

#[test]
fn the_text_models_layers_are_ours() {
    for tokens in [1, 13, 128] {
        let (graph, inputs) = bundled("minilm-l6-v2", tokens);
        let operators = check(&graph, &inputs);
        // Six blocks of four layers: queries with keys and values, output, and two wide ones.
        assert_eq!(count(&operators, "RowsTimesMatrix"), 24);
        assert_eq!(count(&operators, "SelfAttention"), 6);
        assert_eq!(count(&operators, "GeluOfRows"), 6);
        // Two in each block, and one of the words before them.
        assert_eq!(count(&operators, "LayerNormOfRows"), 13);
        assert_eq!(count(&operators, "Softmax") + count(&operators, "Erf"), 0, "{operators:?}");
    }
}

#[test]
fn the_multilingual_model_s_layers_are_ours() {
    let (graph, inputs) = bundled("multilingual-e5-small", 21);
    let operators = check(&graph, &inputs);
    assert_eq!(count(&operators, "SelfAttention"), 12);
    assert_eq!(count(&operators, "GeluOfRows"), 12);
    assert_eq!(count(&operators, "LayerNormOfRows"), 25);
}

#[test]
fn the_sound_model_is_one_chain() {
    let (graph, inputs) = bundled("yamnet", 1);
    assert_eq!(count(&check(&graph, &inputs), "ConvolutionChain"), 1);
}

/// A graph over one map `[1, 6, 9, 8]`.
struct Sketch {
    graph: TypedModel,
    map: OutletId,
    nodes: u32,
}

impl Sketch {
    fn new(shape: &[usize]) -> Sketch {
        let mut graph = TypedModel::default();
        let map = graph.add_source("map", f32::fact(shape)).expect("a source");
        Sketch { graph, map, nodes: 0 }
    }

    fn name(&mut self) -> String {
        self.nodes += 1;
        format!("node.{}", self.nodes)
    }

    fn konst(&mut self, tensor: Tensor) -> OutletId {
        let name = self.name();
        self.graph.add_const(name, tensor).expect("a constant")
    }

    fn wire(&mut self, operator: impl Into<Box<dyn TypedOp>>, inputs: &[OutletId]) -> OutletId {
        let name = self.name();
        self.graph.wire_node(name, operator, inputs).expect("is wired")[0]
    }

    /// A convolution of 3 x 3 with a border of zeros.
    fn conv(
        &mut self,
        from: OutletId,
        group: usize,
        outputs: usize,
        stride: usize,
        dilation: usize,
    ) -> OutletId {
        let channels = self.graph.outlet_fact(from).expect("a fact").shape[1].to_usize().expect("known");
        let conv = Conv {
            pool_spec: PoolSpec {
                data_format: DataFormat::NCHW,
                kernel_shape: tvec![3, 3],
                padding: PaddingSpec::Explicit(tvec![1, 0], tvec![1, 2]),
                dilations: Some(tvec![dilation, dilation]),
                strides: Some(tvec![stride, stride]),
                input_channels: channels,
                output_channels: outputs,
            },
            kernel_fmt: KernelFormat::OIHW,
            group,
            q_params: None,
        };
        let kernel = self.konst(noise(&[outputs, channels / group, 3, 3], 3 + self.nodes));
        let bias = self.konst(noise(&[outputs], 4 + self.nodes));
        self.wire(conv, &[from, kernel, bias])
    }

    fn bound(&mut self, from: OutletId, low: f32, high: f32) -> OutletId {
        let shape = [1, 1, 1, 1];
        let low = self.konst(Tensor::from_shape(&shape, &[low]).expect("one value"));
        let high = self.konst(Tensor::from_shape(&shape, &[high]).expect("one value"));
        let raised = self.wire(max(), &[low, from]);
        self.wire(min(), &[raised, high])
    }

    #[track_caller]
    fn check(mut self, outputs: &[OutletId]) -> Vec<String> {
        self.graph.select_output_outlets(outputs).expect("outputs");
        let shape =
            self.graph.outlet_fact(self.map).expect("a fact").shape.as_concrete().expect("known").to_vec();
        check(&self.graph, &tvec![noise(&shape, 1).into_tvalue()])
    }
}

#[test]
fn bounds_and_sums_are_fused() {
    let mut sketch = Sketch::new(&[1, 6, 9, 8]);
    let first = sketch.conv(sketch.map, 1, 12, 1, 1);
    let first = sketch.bound(first, 0.0, 0.5);
    let each = sketch.conv(first, 12, 12, 1, 1);
    let each = sketch.bound(each, -0.25, 6.0);
    let last = sketch.conv(each, 1, 12, 1, 1);
    let sum = sketch.wire(add(), &[first, last]);
    let bounded = sketch.bound(sum, 0.0, 2.0);
    let operators = sketch.check(&[bounded]);
    assert_eq!(operators, ["Source", "ConvolutionChain"]);
}

#[test]
fn a_value_that_others_read_too_is_kept() {
    let mut sketch = Sketch::new(&[2, 4, 7, 7]);
    let first = sketch.conv(sketch.map, 1, 8, 2, 1);
    let bounded = sketch.bound(first, 0.0, 0.1);
    let twice = sketch.wire(add(), &[first, first]);
    let each = sketch.conv(bounded, 8, 8, 1, 1);
    // The depthwise convolution cannot add: the sum stays outside.
    let sum = sketch.wire(add(), &[bounded, each]);
    let operators = sketch.check(&[first, twice, sum]);
    assert_eq!(count(&operators, "ConvolutionChain"), 2, "{operators:?}");
}

#[test]
fn a_run_ends_where_another_operator_comes_between() {
    let mut sketch = Sketch::new(&[1, 4, 8, 8]);
    let first = sketch.conv(sketch.map, 4, 4, 1, 1);
    let square = sketch.wire(mul(), &[first, first]);
    let last = sketch.conv(square, 1, 3, 1, 1);
    let operators = sketch.check(&[last]);
    assert_eq!(count(&operators, "ConvolutionChain"), 2, "{operators:?}");
}

#[test]
fn what_our_loops_cannot_do_stays_with_tract() {
    let mut sketch = Sketch::new(&[1, 4, 11, 11]);
    let grouped = sketch.conv(sketch.map, 2, 6, 1, 1);
    let dilated = sketch.conv(sketch.map, 1, 6, 1, 2);
    let sum = sketch.wire(add(), &[grouped, grouped]);
    let operators = sketch.check(&[sum, dilated]);
    assert_eq!(count(&operators, "ConvolutionChain"), 0, "{operators:?}");
}

#[test]
fn rows_times_a_matrix_take_bias_and_sum() {
    let mut sketch = Sketch::new(&[1, 5, 64]);
    let matrix = sketch.konst(noise(&[1, 64, 64], 2));
    let bias = sketch.konst(noise(&[1, 1, 64], 3));
    let product = |sketch: &mut Sketch, from| {
        let axes = "bmk,bkn->bmn".parse().expect("axes");
        let product = sketch.wire(EinSum::new(axes, f32::datum_type()), &[from, matrix]);
        sketch.wire(add(), &[bias, product])
    };
    let map = sketch.map;
    let first = product(&mut sketch, map);
    let second = product(&mut sketch, first);
    let sum = sketch.wire(add(), &[second, first]);
    let operators = sketch.check(&[sum]);
    assert_eq!(operators, ["Source", "RowsTimesMatrix", "RowsTimesMatrix"]);
}

#[test]
fn other_products_stay_with_tract() {
    let mut sketch = Sketch::new(&[3, 64, 64]);
    let matrices = sketch.konst(noise(&[3, 64, 64], 2));
    let of_each = sketch
        .wire(EinSum::new("bmk,bkn->bmn".parse().expect("axes"), f32::datum_type()), &[sketch.map, matrices]);
    let one = sketch.konst(noise(&[1, 64, 64], 5));
    let turned = sketch
        .wire(EinSum::new("bkm,bkn->bmn".parse().expect("axes"), f32::datum_type()), &[sketch.map, one]);
    let operators = sketch.check(&[of_each, turned]);
    assert_eq!(count(&operators, "RowsTimesMatrix"), 0, "{operators:?}");
}

/// `x (erf(x / sqrt 2) + 1) half`.
fn gelu(sketch: &mut Sketch, x: OutletId, half: f32) -> OutletId {
    let [root, one, half] = [std::f32::consts::FRAC_1_SQRT_2, 1.0, half]
        .map(|value| sketch.konst(Tensor::from_shape(&[1, 1, 1], &[value]).expect("one value")));
    let scaled = sketch.wire(mul(), &[x, root]);
    let erf = sketch.wire(erf(), &[scaled]);
    let gate = sketch.wire(add(), &[erf, one]);
    let twice = sketch.wire(mul(), &[gate, x]);
    sketch.wire(mul(), &[half, twice])
}

/// The layer norm of rows of `width`, whose means are over `counted` values.
fn layer_norm(sketch: &mut Sketch, x: OutletId, width: usize, counted: f32) -> OutletId {
    let [count, epsilon] = [counted, 1e-5]
        .map(|value| sketch.konst(Tensor::from_shape(&[1, 1, 1], &[value]).expect("one value")));
    let sum_of =
        |sketch: &mut Sketch, of| sketch.wire(Reduce { axes: tvec![2], reducer: Reducer::Sum }, &[of]);
    let sum = sum_of(sketch, x);
    let mean = sketch.wire(div(), &[sum, count]);
    let from_mean = sketch.wire(sub(), &[x, mean]);
    let squares = sketch.wire(square(), &[from_mean]);
    let squares = sum_of(sketch, squares);
    let variance = sketch.wire(div(), &[squares, count]);
    let variance = sketch.wire(add(), &[variance, epsilon]);
    let inverse = sketch.wire(rsqrt(), &[variance]);
    let unit = sketch.wire(mul(), &[from_mean, inverse]);
    let (scale, shift) = (sketch.konst(noise(&[1, 1, width], 2)), sketch.konst(noise(&[1, 1, width], 3)));
    let scaled = sketch.wire(mul(), &[unit, scale]);
    sketch.wire(add(), &[scaled, shift])
}

#[test]
fn gelu_and_layer_norm_are_one_operator_each() {
    let mut sketch = Sketch::new(&[2, 5, 48]);
    let map = sketch.map;
    let norm = layer_norm(&mut sketch, map, 48, 48.0);
    let gelu = gelu(&mut sketch, norm, 0.5);
    // What is read by others too is not changed where it lies.
    let sum = sketch.wire(add(), &[norm, gelu]);
    let operators = sketch.check(&[sum, norm]);
    assert_eq!(count(&operators, "GeluOfRows"), 1);
    assert_eq!(count(&operators, "LayerNormOfRows"), 1);
    assert_eq!(operators.len(), 4, "source and sum beside them: {operators:?}");
}

#[test]
fn what_only_looks_like_them_stays_with_tract() {
    let mut sketch = Sketch::new(&[2, 5, 48]);
    let map = sketch.map;
    let (less, other) = (gelu(&mut sketch, map, 0.4), layer_norm(&mut sketch, map, 48, 47.0));
    let operators = sketch.check(&[less, other]);
    assert_eq!(count(&operators, "OfRows"), 0, "{operators:?}");
    let mut sketch = Sketch::new(&[2, 5, 40]);
    let map = sketch.map;
    let narrow = layer_norm(&mut sketch, map, 40, 40.0);
    let operators = sketch.check(&[narrow]);
    assert_eq!(count(&operators, "OfRows"), 0, "{operators:?}");
}
