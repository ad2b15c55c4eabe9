//! What a value of a graph is made of, for those who look for what our loops can do.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::{BinMiniOp, TypedBinOp};
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::element_wise::{ElementWiseMiniOp, ElementWiseOp};

/// The operator that makes this value, and what from. Casts from f32 to f32 are passed over.
pub(super) fn made_by<O: TypedOp>(model: &TypedModel, value: OutletId) -> Option<(&O, &[OutletId])> {
    let node = model.node(plain(model, value).node);
    Some((node.op_as::<O>()?, &node.inputs))
}

/// The value before casts that change nothing.
pub(super) fn plain(model: &TypedModel, mut value: OutletId) -> OutletId {
    loop {
        let node = model.node(value.node);
        let [from] = *node.inputs else { return value };
        let changes_nothing = node
            .op_as::<Cast>()
            .is_some_and(|cast| model.outlet_fact(from).is_ok_and(|fact| fact.datum_type == cast.to));
        if !changes_nothing {
            return value;
        }
        value = from;
    }
}

/// The two sides of a sum, a product and so on.
pub(super) fn sides<M: BinMiniOp>(model: &TypedModel, value: OutletId) -> Option<[OutletId; 2]> {
    let (TypedBinOp(operator, None), inputs) = made_by::<TypedBinOp>(model, value)? else { return None };
    let [left, right] = *inputs else { return None };
    operator.is::<M>().then(|| [plain(model, left), plain(model, right)])
}

/// What a function is applied to, value by value.
pub(super) fn argument<M: ElementWiseMiniOp>(model: &TypedModel, value: OutletId) -> Option<OutletId> {
    let (ElementWiseOp(operator, None), inputs) = made_by::<ElementWiseOp>(model, value)? else {
        return None;
    };
    let [from] = *inputs else { return None };
    operator.is::<M>().then(|| plain(model, from))
}

/// The side that is not constant, and the constant one.
pub(super) fn with_constant<M: BinMiniOp>(
    model: &TypedModel,
    value: OutletId,
) -> Option<(OutletId, Arc<Tensor>)> {
    let [left, right] = sides::<M>(model, value)?;
    match (konst(model, left), konst(model, right)) {
        (None, Some(konst)) => Some((left, konst)),
        (Some(konst), None) => Some((right, konst)),
        _ => None,
    }
}

/// The side beside this number, to a millionth of it.
pub(super) fn with_number<M: BinMiniOp>(
    model: &TypedModel,
    value: OutletId,
    expected: f32,
) -> Option<OutletId> {
    let (other, konst) = with_constant::<M>(model, value)?;
    let found = number(&konst)?;
    ((found - expected).abs() <= 1e-6 * expected.abs()).then_some(other)
}

/// The constant that a value is.
pub(super) fn konst(model: &TypedModel, value: OutletId) -> Option<Arc<Tensor>> {
    model.outlet_fact(value).ok()?.konst.clone()
}

/// The number that a tensor of f32 holds alone.
pub(super) fn number(tensor: &Tensor) -> Option<f32> {
    match *values::<f32>(tensor)? {
        [number] => Some(number),
        _ => None,
    }
}

/// The values of a tensor, if they are of this type.
pub(super) fn values<D: Datum>(tensor: &Tensor) -> Option<&[D]> {
    if tensor.datum_type() != D::datum_type() {
        return None;
    }
    tensor.try_as_plain_ram().ok()?.as_slice::<D>().ok()
}
