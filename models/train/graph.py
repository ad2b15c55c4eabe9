"""A small builder for ONNX graphs whose weights are narrow on disk and fp32 in use.

It knows ONNX, and none of the models. Weights are stored as fp16 initializers behind a `Cast`, a
constant subgraph that a runtime folds once at load. Intermediate shapes (`value_info`) are left
out: they follow from the inputs, and symbolic ones are what some runtimes trip over.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8
_TYPES = {"float32": TensorProto.FLOAT, "int64": TensorProto.INT64}


class Graph:
    """Collects nodes and initializers; every method returns the name of the value it adds."""

    def __init__(self, name: str, weights_dtype=np.float16):
        self._name = name
        self._weights_dtype = np.dtype(weights_dtype)
        self._nodes, self._initializers, self._known = [], [], set()
        self._count = 0

    def op(self, op_type: str, *inputs: str, output: str | None = None, **attributes) -> str:
        """Adds a node with one output."""
        self._count += 1
        output = output or f"{op_type.lower()}_{self._count}"
        self._nodes.append(helper.make_node(op_type, list(inputs), [output], name=output, **attributes))
        return output

    def const(self, name: str, array) -> str:
        """Adds an initializer as it is; the same name may be asked for again."""
        if name not in self._known:
            self._known.add(name)
            self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def ints(self, *values: int) -> str:
        """An int64 vector, for shapes, axes and slices."""
        return self.const("ints_" + "_".join(str(v).replace("-", "m") for v in values), np.array(values, np.int64))

    def scalar(self, name: str, value: float) -> str:
        return self.const(name, np.array(value, np.float32))

    def weight(self, name: str, array, channel_axis: int | None = None) -> str:
        """Adds a weight: stored in 16 bits, widened to fp32 by nodes that fold at load.

        It is stored as fp16, or, with `channel_axis`, as integers with one scale a channel: the
        same size, and some seven times more exact where a channel's values are of one magnitude.
        Raises `ValueError` if fp16 cannot hold a value.
        """
        array = np.asarray(array, np.float64)
        if self._weights_dtype == np.float32:
            return self.const(name, array.astype(np.float32))
        if channel_axis is None:
            narrow = array.astype(np.float16)
            if not np.isfinite(narrow).all():
                raise ValueError(f"`{name}` does not fit fp16")
            return self.op("Cast", self.const(f"{name}.fp16", narrow), output=name, to=TensorProto.FLOAT)
        others = tuple(axis for axis in range(array.ndim) if axis != channel_axis)
        peak = np.maximum(np.abs(array).max(axis=others, keepdims=True), 1e-30)
        scale = (peak / 32767.0).astype(np.float32)
        stored = self.const(f"{name}.int16", np.clip(np.rint(array / scale), -32767, 32767).astype(np.int16))
        wide = self.op("Cast", stored, to=TensorProto.FLOAT)
        return self.op("Mul", wide, self.const(f"{name}.scale", scale), output=name)

    def finish(self, inputs, outputs, doc: str) -> onnx.ModelProto:
        """Builds and checks the model. `inputs` and `outputs` list (name, dtype, shape); a string
        in a shape is a symbol."""
        info = [
            [helper.make_tensor_value_info(name, _TYPES[dtype], shape) for name, dtype, shape in side]
            for side in (inputs, outputs)
        ]
        graph = helper.make_graph(self._nodes, self._name, info[0], info[1], self._initializers)
        model = helper.make_model(
            graph,
            producer_name="attuned models/train",
            doc_string=doc,
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        onnx.checker.check_model(model, full_check=True)
        return model
