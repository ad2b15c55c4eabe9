//! Layer norm and GELU, each as one operator of our own loops.
//!
//! tract 0.23 makes five to ten operators of each, all of which go over the whole text and ask for
//! memory. Ours changes the rows where they lie.

use std::sync::Arc;

use attuned_kernels::{LayerNorm, gelu};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::math::{Add, Div, Erf, Mul, Rsqrt, Square, Sub};
use tract_onnx::tract_core::ops::nn::{Reduce, Reducer};
use tract_onnx::tract_hir::internal::*;

use super::pattern::{argument, made_by, number, plain, sides, values, with_constant, with_number};

/// Replaces every layer norm over the last axis and every GELU by the error function.
pub(super) fn replace(model: &mut TypedModel) -> TractResult<()> {
    for node in model.eval_order()? {
        let result = OutletId::from(node);
        if let Some((from, change)) =
            layer_norm(model, result).or_else(|| Some((gelu_of(model, result)?, Change::Gelu)))
            && model.outlet_fact(from)?.datum_type == f32::datum_type()
            && model.outlet_fact(from)?.shape == model.outlet_fact(result)?.shape
        {
            let mut patch = TypedModelPatch::default();
            let tap = patch.tap_model(model, from)?;
            let wire = patch.wire_node(&model.node(node).name, ChangeRows(change), &[tap])?;
            patch.shunt_outside(model, result, wire[0])?;
            patch.apply(model)?;
        }
    }
    model.compact()
}

/// What GELU is taken of: `x (erf(x / sqrt 2) + 1) / 2`.
fn gelu_of(model: &TypedModel, value: OutletId) -> Option<OutletId> {
    let twice = with_number::<Mul>(model, value, 0.5)?;
    let [left, right] = sides::<Mul>(model, twice)?;
    [(left, right), (right, left)].into_iter().find_map(|(x, gate)| {
        let erf = with_number::<Add>(model, gate, 1.0)?;
        let scaled = argument::<Erf>(model, erf)?;
        (with_number::<Mul>(model, scaled, std::f32::consts::FRAC_1_SQRT_2)? == x).then_some(x)
    })
}

/// What a layer norm is taken of: `d rsqrt(mean(d²) + epsilon) scale + shift` with `d = x - mean(x)`.
fn layer_norm(model: &TypedModel, value: OutletId) -> Option<(OutletId, Change)> {
    let (scaled, shift) = with_constant::<Add>(model, value)?;
    let (unit, scale) = with_constant::<Mul>(model, scaled)?;
    let [left, right] = sides::<Mul>(model, unit)?;
    let (from_mean, epsilon) =
        [(left, right), (right, left)].into_iter().find_map(|(from_mean, inverse)| {
            let (variance, epsilon) = with_constant::<Add>(model, argument::<Rsqrt>(model, inverse)?)?;
            let squares = mean_of(model, variance)?;
            (argument::<Square>(model, squares)? == from_mean).then_some((from_mean, number(&epsilon)?))
        })?;
    let [x, mean] = sides::<Sub>(model, from_mean)?;
    if mean_of(model, mean)? != x {
        return None;
    }
    let width = model.outlet_fact(x).ok()?.shape.last()?.to_usize().ok()?;
    let of_width = |tensor: &Tensor| {
        let is_row = tensor.shape().last() == Some(&width) && tensor.len() == width;
        is_row.then(|| values::<f32>(tensor).map(<[f32]>::to_vec))?
    };
    let norm = LayerNorm::new(of_width(&scale)?, of_width(&shift)?, epsilon)?;
    Some((x, Change::LayerNorm(Arc::new(norm))))
}

/// What this is the mean of over the last axis: the sum divided by the number.
fn mean_of(model: &TypedModel, value: OutletId) -> Option<OutletId> {
    let [sum, count] = sides::<Div>(model, value)?;
    let (Reduce { axes, reducer: Reducer::Sum }, inputs) = made_by::<Reduce>(model, sum)? else {
        return None;
    };
    let x = plain(model, *inputs.first()?);
    let shape = &model.outlet_fact(x).ok()?.shape;
    let width = shape.last()?.to_usize().ok()?;
    let count = number(model.outlet_fact(count).ok()?.konst.as_ref()?)?;
    (**axes == [shape.rank() - 1] && count == width as f32).then_some(x)
}

#[derive(Debug, Clone)]
enum Change {
    Gelu,
    LayerNorm(Arc<LayerNorm>),
}

/// The operator: rows `[…, width]` of the same shape in and out.
#[derive(Debug, Clone)]
struct ChangeRows(Change);

impl PartialEq for ChangeRows {
    fn eq(&self, other: &ChangeRows) -> bool {
        match (&self.0, &other.0) {
            (Change::Gelu, Change::Gelu) => true,
            (Change::LayerNorm(one), Change::LayerNorm(other)) => Arc::ptr_eq(one, other),
            (Change::Gelu, Change::LayerNorm(_)) | (Change::LayerNorm(_), Change::Gelu) => false,
        }
    }
}

impl Eq for ChangeRows {}

impl Op for ChangeRows {
    fn name(&self) -> StaticName {
        match &self.0 {
            Change::Gelu => "GeluOfRows".into(),
            Change::LayerNorm(_) => "LayerNormOfRows".into(),
        }
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for ChangeRows {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext, mut inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        // In place, unless something else still reads it.
        let mut rows = inputs.remove(0).into_tensor();
        let mut plain = rows.try_as_plain_ram_mut()?;
        let values = plain.as_slice_mut::<f32>()?;
        match &self.0 {
            Change::Gelu => gelu(values),
            Change::LayerNorm(norm) => norm.run(values),
        }
        Ok(tvec!(rows.into_tvalue()))
    }
}

impl TypedOp for ChangeRows {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        if let Change::LayerNorm(norm) = &self.0
            && inputs[0].shape.last() != Some(&norm.width().to_dim())
        {
            bail!("a layer norm is given {:?}, expected rows of {}", inputs[0], norm.width());
        }
        Ok(tvec!(f32::fact(&*inputs[0].shape)))
    }

    as_op!();
}
