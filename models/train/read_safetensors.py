"""Reads a safetensors file into a dict of numpy arrays.

Layout: an unsigned little-endian 64-bit header length, a JSON header that gives each tensor's
dtype, shape and byte range, then the raw bytes. Source: the format section of the safetensors
README (https://github.com/huggingface/safetensors).
"""

import json
import struct

import numpy as np

_DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "|u1"}


def read(data: bytes) -> dict[str, np.ndarray]:
    """Returns tensor name -> array. Raises `KeyError` on a dtype that no model here uses."""
    (header_length,) = struct.unpack_from("<Q", data, 0)
    body = 8 + header_length
    header = json.loads(data[8:body])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        flat = np.frombuffer(data[body + begin : body + end], dtype=_DTYPES[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return tensors
