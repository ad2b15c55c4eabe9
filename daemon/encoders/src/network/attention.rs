//! Self-attention of several heads, as one operator of our own loops.
//!
//! tract 0.23 turns rows into heads and back through memory, and multiplies, masks and normalises the
//! scores of all heads one after another, for which the processor's caches are too small. Ours goes
//! from head to head, and reads the rows as they lie.

use std::sync::{Arc, Mutex, PoisonError};

use attuned_kernels::{Attention, AttentionRoom};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::array::StridedSlice;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math::{Add, Mul};
use tract_onnx::tract_core::ops::nn::{Softmax, SoftmaxKind};
use tract_onnx::tract_hir::internal::*;

use super::pattern::{konst, made_by, number, plain, sides, values, with_constant};

/// Replaces every attention whose queries, keys and values come out of one product.
pub(super) fn replace(model: &mut TypedModel) -> TractResult<()> {
    for node in model.eval_order()? {
        let result = OutletId::from(node);
        if let Some(Found { rows, mask, attention }) = found(model, result) {
            let mut patch = TypedModelPatch::default();
            let taps = [patch.tap_model(model, rows)?, patch.tap_model(model, mask)?];
            let operator = SelfAttention { attention, rooms: Arc::default() };
            let wire = patch.wire_node(&model.node(node).name, operator, &taps)?;
            patch.shunt_outside(model, result, wire[0])?;
            patch.apply(model)?;
        }
    }
    model.compact()
}

struct Found {
    /// `[batch, rows, inputs of the attention]`.
    rows: OutletId,
    /// Added to the scores: `[batch or 1, 1, 1, rows]`.
    mask: OutletId,
    attention: Attention,
}

/// The attention whose heads, beside each other again, are this value.
fn found(model: &TypedModel, value: OutletId) -> Option<Found> {
    let (by_row, joined) = reshaped(model, value)?;
    let [heads, width] = *joined.from else { return None };
    if joined.to != [heads * width] {
        return None;
    }
    let [weights, taken] = product(model, moved(model, by_row, 1, 2)?)?;
    let scores = match made_by::<Softmax>(model, weights)? {
        (Softmax { axes, quant_output_dt: None, kind: SoftmaxKind::Softmax }, [scores]) if **axes == [3] => {
            *scores
        }
        _ => return None,
    };
    let [left, right] = sides::<Add>(model, scores)?;
    let (products, mask) = if product(model, left).is_some() { (left, right) } else { (right, left) };
    let [queries, keys] = product(model, products)?;
    let (queries, scale) = match with_constant::<Mul>(model, queries) {
        Some((queries, scale)) => (queries, number(&scale)?),
        None => (queries, 1.0),
    };
    let (all, first) = sliced(model, queries)?;
    let (of_keys, second) = sliced(model, moved(model, keys, 2, 3)?)?;
    let (of_values, third) = sliced(model, taken)?;
    let in_order = [first, second, third] == [[0, heads], [heads, 2 * heads], [2 * heads, 3 * heads]];
    if !in_order || of_keys != all || of_values != all {
        return None;
    }
    let (rows, split) = reshaped(model, moved(model, all, 1, 2)?)?;
    let attention = Attention::new(heads, width, scale);
    let (rows_fact, mask_fact) = (model.outlet_fact(rows).ok()?, model.outlet_fact(mask).ok()?);
    let one = 1.to_dim();
    let fits = split.to == [3 * heads, width]
        && rows_fact.rank() == 3
        && rows_fact.shape[2] == attention.inputs().to_dim()
        && mask_fact.rank() == 4
        && (mask_fact.shape[0] == one || mask_fact.shape[0] == rows_fact.shape[0])
        && mask_fact.shape[1..] == [one.clone(), one, rows_fact.shape[1].clone()]
        && [rows_fact, mask_fact].iter().all(|fact| fact.datum_type == f32::datum_type());
    fits.then_some(Found { rows, mask, attention })
}

/// Both sides of a product of matrices, for each pair of leading axes.
fn product(model: &TypedModel, value: OutletId) -> Option<[OutletId; 2]> {
    let (EinSum { axes, q_params: None, .. }, [left, right]) = made_by::<EinSum>(model, value)? else {
        return None;
    };
    let expected: AxesMapping = "abmk,abkn->abmn".parse().ok()?;
    (*axes == expected).then(|| [plain(model, *left), plain(model, *right)])
}

/// What this is with one axis moved.
fn moved(model: &TypedModel, value: OutletId, from: usize, to: usize) -> Option<OutletId> {
    let (operator, [before]) = made_by::<AxisOp>(model, value)? else { return None };
    (*operator == AxisOp::Move(from, to)).then(|| plain(model, *before))
}

/// Axes from the third on, before and after.
struct Reshaped {
    from: Vec<usize>,
    to: Vec<usize>,
}

fn reshaped(model: &TypedModel, value: OutletId) -> Option<(OutletId, Reshaped)> {
    let (AxisOp::Reshape(2, from, to), [before]) = made_by::<AxisOp>(model, value)? else { return None };
    let known = |dims: &[TDim]| dims.iter().map(|dim| dim.to_usize().ok()).collect::<Option<Vec<_>>>();
    Some((plain(model, *before), Reshaped { from: known(from)?, to: known(to)? }))
}

/// What this is a part of along the second axis, and from where to where.
fn sliced(model: &TypedModel, value: OutletId) -> Option<(OutletId, [usize; 2])> {
    let (slice, inputs) = made_by::<StridedSlice>(model, value)?;
    let plainly = StridedSlice {
        optional_axes_input: Some(3),
        optional_steps_input: None,
        begin_mask: 0,
        end_mask: 0,
        shrink_axis_mask: 0,
    };
    let [whole, begin, end, axis] = *inputs else { return None };
    let number = |value| match *values::<i64>(&*konst(model, value)?)? {
        [number] => usize::try_from(number).ok(),
        _ => None,
    };
    (*slice == plainly && number(axis)? == 1).then_some((plain(model, whole), [number(begin)?, number(end)?]))
}

/// The operator: rows and the mask that is added to their scores.
#[derive(Debug, Clone)]
struct SelfAttention {
    attention: Attention,
    /// Memory of runs that are over; as many as have ever overlapped.
    rooms: Arc<Mutex<Vec<AttentionRoom>>>,
}

impl PartialEq for SelfAttention {
    fn eq(&self, other: &SelfAttention) -> bool {
        self.attention == other.attention
    }
}

impl Eq for SelfAttention {}

impl Op for SelfAttention {
    fn name(&self) -> StaticName {
        "SelfAttention".into()
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for SelfAttention {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let [batch, rows, width] = *inputs[0].shape() else {
            bail!("rows have the shape [batch, rows, values]")
        };
        let (rows_in, mask) = (inputs[0].try_as_plain_ram()?, inputs[1].try_as_plain_ram()?);
        let (rows_in, mask) = (rows_in.as_slice::<f32>()?, mask.as_slice::<f32>()?);
        let mut result = Tensor::zero::<f32>(&[batch, rows, self.attention.outputs()])?;
        let mut written = result.try_as_plain_ram_mut()?;
        let texts = written.as_slice_mut::<f32>()?.chunks_exact_mut((rows * self.attention.outputs()).max(1));
        // A run that panicked leaves a room that is as good as any.
        let rooms = || self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = rooms().pop().unwrap_or_default();
        // One mask holds for all texts, or each has its own.
        let masks = mask.chunks_exact(rows.max(1)).cycle();
        for ((text, mask), result) in rows_in.chunks_exact((rows * width).max(1)).zip(masks).zip(texts) {
            self.attention.run(text, mask, &mut room, result);
        }
        rooms().push(room);
        Ok(tvec!(result.into_tvalue()))
    }
}

impl TypedOp for SelfAttention {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let inputs_expected = self.attention.inputs().to_dim();
        if inputs[0].rank() != 3 || inputs[0].shape[2] != inputs_expected {
            bail!("self-attention is given {:?}, expected [batch, rows, {inputs_expected}]", inputs[0]);
        }
        let (batch, rows) = (&inputs[0].shape[0], &inputs[0].shape[1]);
        Ok(tvec!(f32::fact([batch.clone(), rows.clone(), self.attention.outputs().to_dim()])))
    }

    as_op!();
}
