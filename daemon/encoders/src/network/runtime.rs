//! How a network is made ready for this processor, or for a GPU.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_hir::internal::*;

use super::{attention, convolutions, products, rows};

/// What networks run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Runtime {
    /// The processor.
    #[default]
    Cpu,
    /// A GPU; the processor after one warning if none can be used, as in programs that are built
    /// without the features `cuda` and `metal`.
    GpuOrCpu,
}

/// Prepares the network for the GPU that is there, as tract does: our loops are the processor's.
pub(super) fn on_gpu(mut model: TypedModel) -> TractResult<Box<dyn Runnable>> {
    let runtime = runtime_for_name("gpu")?.context("tract has no runtime `gpu`")?;
    fold_constants(&mut model)?;
    runtime.prepare_with_options(model, &RunOptions::default())
}

/// Prepares the network for this processor, with our own loops where they are faster.
pub(super) fn on_cpu(mut model: TypedModel) -> TractResult<Box<dyn Runnable>> {
    fold_constants(&mut model)?;
    convolutions::replace(&mut model)?;
    attention::replace(&mut model)?;
    rows::replace(&mut model)?;
    products::replace(&mut model)?;
    plain(model)
}

/// Computes now what depends on constants alone. tract leaves what would take more than 4 MiB to
/// be computed in every run, which for narrow weights of a large layer is a third of a picture's time.
fn fold_constants(model: &mut TypedModel) -> TractResult<()> {
    model.prop_consts()?;
    for id in model.eval_order()? {
        let node = model.node(id);
        let constants: Option<TVec<TValue>> = node
            .inputs
            .iter()
            .map(|input| Some(model.outlet_fact(*input).ok()?.konst.clone()?.into_tvalue()))
            .collect();
        let Some(constants) = constants.filter(|constants| !constants.is_empty()) else { continue };
        let widens = node.op_is::<Cast>() || node.op_is::<TypedBinOp>() || node.op_is::<AxisOp>();
        let known = model.outlet_fact(id.into())?.shape.is_concrete();
        if !widens || !known || model.output_outlets()?.contains(&id.into()) {
            continue;
        }
        if let Some(result) = node.op.eval_out_of_plan(constants)? {
            let mut patch = TypedModelPatch::default();
            let name = format!("{}.folded", node.name);
            let folded = patch.add_const(name, result[0].clone().into_arc_tensor())?;
            patch.shunt_outside(model, id.into(), folded)?;
            patch.apply(model)?;
        }
    }
    model.compact()
}

/// Prepares the network as tract does.
pub(super) fn plain(model: TypedModel) -> TractResult<Box<dyn Runnable>> {
    let runtime = runtime_for_name("cpu")?.context("tract has no runtime `cpu`")?;
    runtime.prepare_with_options(model, &RunOptions::default())
}
