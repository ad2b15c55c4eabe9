"""Reads a state dict from PyTorch's legacy (pre-1.6, not zip) `.pth` format without PyTorch.

Layout: four pickles (magic number, protocol, system info, the state dict), a pickled list of
storage keys, then for each storage its element count as a little-endian int64 and its raw bytes.
Tensors in the state dict are references into these storages. Source: `_legacy_save` in
torch/serialization.py.

The unpickler knows only the five names that such a file needs, so a file that asks for anything
else is refused rather than run.
"""

import collections
import io
import pickle
import struct

import numpy as np

_MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {"FloatStorage": "<f4", "LongStorage": "<i8", "DoubleStorage": "<f8", "HalfStorage": "<f2"}


class _Tensor:
    """A tensor as the pickle describes it: a strided view of a storage that is read later."""

    def __init__(self, storage, offset, size, stride):
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride


def _rebuild_tensor_v2(storage, offset, size, stride, _requires_grad, _hooks, _metadata=None):
    return _Tensor(storage, offset, size, stride)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor_v2
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"the file asks for `{module}.{name}`, which no weights need")

    def persistent_load(self, pid):
        kind, dtype, key, _location, _count = pid[:5]
        if kind != "storage":
            raise pickle.UnpicklingError(f"expected a storage, got `{kind}`")
        return (key, dtype)


def read(data: bytes) -> dict[str, np.ndarray]:
    """Returns tensor name -> contiguous array."""
    stream = io.BytesIO(data)
    if _Unpickler(stream).load() != _MAGIC:
        raise ValueError("not a legacy PyTorch file: wrong magic number")
    _Unpickler(stream).load()  # protocol version
    system = _Unpickler(stream).load()
    if not system["little_endian"]:
        raise ValueError("the file was written on a big-endian machine")
    state = _Unpickler(stream).load()
    keys = _Unpickler(stream).load()
    dtypes = {t.storage[0]: t.storage[1] for t in state.values()}
    storages = {}
    for key in keys:
        (count,) = struct.unpack("<q", stream.read(8))
        dtype = np.dtype(dtypes[key])
        storages[key] = np.frombuffer(stream.read(count * dtype.itemsize), dtype=dtype)
    tensors = {}
    for name, tensor in state.items():
        storage = storages[tensor.storage[0]]
        strides = [s * storage.itemsize for s in tensor.stride]
        view = np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.size, strides)
        tensors[name] = np.ascontiguousarray(view)
    return tensors
