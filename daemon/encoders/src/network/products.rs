//! Products with constant matrices, as an operator of our own loops.
//!
//! Most of a transformer is linear layers. For rows of some hundred values our loops reach about
//! one and a half times what tract 0.23 does, as they read the rows as they lie; bias and a sum with
//! another value are added on the way out.

use std::sync::Arc;

use attuned_kernels::{Clamp, Dense};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math::Add;
use tract_onnx::tract_hir::internal::*;

/// Matrices with fewer values than this stay tract's: nothing is gained.
const VALUES_MIN: usize = 1 << 12;

/// Replaces every product of rows with a constant matrix, and what is added to it.
pub(super) fn replace(model: &mut TypedModel) -> TractResult<()> {
    // A patch leaves the numbers of other nodes as they are until the graph is compacted.
    for node in model.eval_order()? {
        if let Some(patch) = fused(model, node)? {
            patch.apply(model)?;
        }
    }
    model.compact()
}

/// The patch that replaces this node and those fused into it, if it is such a product.
fn fused(model: &TypedModel, id: usize) -> TractResult<Option<TypedModelPatch>> {
    let Some([inputs, outputs]) = extent(model, id)? else { return Ok(None) };
    let node = model.node(id);
    let [rows, matrix] = *node.inputs else { return Ok(None) };
    let Some(weights) = &model.outlet_fact(matrix)?.konst else { return Ok(None) };
    let mut result = OutletId::from(id);
    let mut bias = None;
    if let Some((sum, other)) = sum(model, result)?
        && let Some(konst) = &model.outlet_fact(other)?.konst
        && konst.datum_type() == f32::datum_type()
        && konst.len() == outputs
        && konst.shape().last() == Some(&outputs)
        && model.outlet_fact(sum)?.shape == model.outlet_fact(result)?.shape
    {
        (result, bias) = (sum, Some(konst.clone()));
    }
    let mut added = None;
    if let Some((sum, other)) = sum(model, result)? {
        let (fact, other_fact) = (model.outlet_fact(result)?, model.outlet_fact(other)?);
        // What is added must be there before the product is: not made from it.
        let before = model.eval_order()?.iter().position(|node| *node == other.node)
            < model.eval_order()?.iter().position(|node| *node == id);
        if other_fact.datum_type == f32::datum_type()
            && other_fact.shape == fact.shape
            && other != result
            && before
        {
            (result, added) = (sum, Some(other));
        }
    }
    let weights = weights.try_as_plain_ram()?.as_slice::<f32>()?;
    let bias = bias.as_ref().map(|bias| bias.try_as_plain_ram()?.as_slice::<f32>()).transpose()?;
    let dense = Dense::new(
        inputs,
        outputs,
        |input, output| weights[input * outputs + output],
        |output| bias.map_or(0.0, |bias| bias[output]),
    );
    let mut patch = TypedModelPatch::default();
    let taps = [Some(rows), added].into_iter().flatten().map(|outlet| patch.tap_model(model, outlet));
    let taps = taps.collect::<TractResult<TVec<OutletId>>>()?;
    let wire = patch.wire_node(&model.node(result.node).name, RowsTimesMatrix(Arc::new(dense)), &taps)?;
    patch.shunt_outside(model, result, wire[0])?;
    Ok(Some(patch))
}

/// Inputs and outputs of the matrix, if the node is a product of f32 rows, `[…, inputs]`, with a
/// constant `[1, …, inputs, outputs]` that gives `[…, outputs]`.
fn extent(model: &TypedModel, id: usize) -> TractResult<Option<[usize; 2]>> {
    let node = model.node(id);
    let Some(EinSum { axes, operating_dt, q_params: None }) = node.op_as::<EinSum>() else { return Ok(None) };
    let [rows, matrix] = *node.inputs else { return Ok(None) };
    let (rows, matrix, result) =
        (model.outlet_fact(rows)?, model.outlet_fact(matrix)?, model.outlet_fact(id.into())?);
    let f32s = [rows.datum_type, matrix.datum_type, result.datum_type, *operating_dt];
    if matrix.konst.is_none()
        || f32s.iter().any(|datum| *datum != f32::datum_type())
        || rows.rank() != result.rank()
    {
        return Ok(None);
    }
    let Some(shape) = matrix.shape.as_concrete() else { return Ok(None) };
    let [.., inputs, outputs] = *shape else { return Ok(None) };
    let last = rows.rank() - 1;
    // Each axis as where it is in the rows, in the matrix and in the result.
    let fits =
        axes.iter_all_axes().all(|axis| match (&*axis.inputs[0], &*axis.inputs[1], &*axis.outputs[0]) {
            ([at], [of], []) => *at == last && *of == shape.len() - 2,
            ([], [of], [at]) => *at == last && *of == shape.len() - 1,
            ([from], [of], [to]) => from == to && *from != last && shape[*of] == 1,
            ([from], [], [to]) => from == to && *from != last,
            ([], [of], []) => shape[*of] == 1 && *of + 2 < shape.len(),
            _ => false,
        });
    let matrix_only = shape.iter().product::<usize>() == inputs * outputs;
    Ok((fits && matrix_only && inputs * outputs >= VALUES_MIN).then_some([inputs, outputs]))
}

/// The sum that is the only reader of this value, and what it adds.
fn sum(model: &TypedModel, value: OutletId) -> TractResult<Option<(OutletId, OutletId)>> {
    let [reader] = *model.outlet_successors(value) else { return Ok(None) };
    let node = model.node(reader.node);
    let is_sum =
        matches!(node.op_as::<TypedBinOp>(), Some(TypedBinOp(operator, None)) if operator.is::<Add>());
    let [left, right] = *node.inputs else { return Ok(None) };
    let other = if left == value { right } else { left };
    Ok((is_sum && !model.output_outlets()?.contains(&value)).then_some((reader.node.into(), other)))
}

/// The operator: rows `[…, inputs]`, and optionally what is added to the result, `[…, outputs]`.
#[derive(Debug, Clone)]
struct RowsTimesMatrix(Arc<Dense>);

impl PartialEq for RowsTimesMatrix {
    fn eq(&self, other: &RowsTimesMatrix) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for RowsTimesMatrix {}

impl Op for RowsTimesMatrix {
    fn name(&self) -> StaticName {
        "RowsTimesMatrix".into()
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for RowsTimesMatrix {
    op_out_of_plan!();

    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let mut shape: TVec<usize> = inputs[0].shape().into();
        if let Some(last) = shape.last_mut() {
            *last = self.0.outputs();
        }
        let added = inputs.get(1).map(|added| added.try_as_plain_ram()?.as_slice::<f32>()).transpose()?;
        let mut result = Tensor::zero::<f32>(&shape)?;
        self.0.run(
            inputs[0].try_as_plain_ram()?.as_slice::<f32>()?,
            added,
            Clamp::NONE,
            result.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?,
        );
        Ok(tvec!(result.into_tvalue()))
    }
}

impl TypedOp for RowsTimesMatrix {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let mut shape = inputs[0].shape.to_tvec();
        let Some(last) = shape.last_mut().filter(|last| **last == self.0.inputs().to_dim()) else {
            bail!("rows times a matrix are given {:?}, expected rows of {}", inputs[0], self.0.inputs());
        };
        *last = self.0.outputs().to_dim();
        if let Some(added) = inputs.get(1).filter(|added| *added.shape != *shape) {
            bail!("to rows times a matrix {:?} is added, expected shape {shape:?}", added);
        }
        Ok(tvec!(f32::fact(&*shape)))
    }

    as_op!();
}
