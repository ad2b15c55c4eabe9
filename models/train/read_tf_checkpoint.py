"""Reads a TensorFlow V2 checkpoint (`.index` and one `.data` shard) without TensorFlow.

The index is a table in LevelDB's format: a 48-byte footer points to an index block, which points
to data blocks of prefix-compressed keys. Each value is a `BundleEntryProto` with dtype, shape,
offset and size in the data shard. Sources: leveldb's doc/table_format.md, and TensorFlow's
tensor_bundle.proto and tensor_bundle.cc (which writes its tables uncompressed).
"""

import struct

import numpy as np

_TABLE_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_STRING = 7
_DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _block(data: bytes, offset: int, size: int):
    """Yields the (key, value) pairs of one table block."""
    if data[offset + size] != 0:
        raise ValueError("the table block is compressed; TensorFlow writes none such")
    block = data[offset : offset + size]
    (restarts,) = struct.unpack_from("<I", block, len(block) - 4)
    end = len(block) - 4 - 4 * restarts
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        unshared, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + unshared]
        at += unshared
        yield key, block[at : at + length]
        at += length


def _fields(message: bytes):
    """Yields the (field number, value) pairs of a protobuf message."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(message, at)
        elif wire == 2:
            length, at = _varint(message, at)
            value, at = message[at : at + length], at + length
        elif wire == 5:
            value, at = message[at : at + 4], at + 4
        else:
            raise ValueError(f"unexpected protobuf wire type {wire}")
        yield number, value


def _shape(message: bytes) -> list[int]:
    dims = []
    for number, value in _fields(message):
        if number == 2:
            dims.append(next((v for n, v in _fields(value) if n == 1), 0))
    return dims


def read(index: bytes, shard: bytes) -> dict[str, np.ndarray]:
    """Returns variable name -> array, for the dtypes float32, float64, int32 and int64."""
    footer = index[-_FOOTER:]
    (magic,) = struct.unpack_from("<Q", footer, _FOOTER - 8)
    if magic != _TABLE_MAGIC:
        raise ValueError("not a TensorFlow checkpoint index: wrong magic number")
    _, at = _varint(footer, 0)
    _, at = _varint(footer, at)
    offset, at = _varint(footer, at)
    size, _ = _varint(footer, at)
    variables = {}
    for _, handle in _block(index, offset, size):
        block_offset, at = _varint(handle, 0)
        block_size, _ = _varint(handle, at)
        for key, value in _block(index, block_offset, block_size):
            if key == b"":
                continue  # the bundle's header
            entry = dict(_fields(value))
            if entry[1] == _STRING:
                continue  # a SavedModel's description of itself
            begin, length = entry.get(4, 0), entry.get(5, 0)
            flat = np.frombuffer(shard[begin : begin + length], dtype=_DTYPES[entry[1]])
            variables[key.decode()] = flat.reshape(_shape(entry.get(2, b"")))
    return variables
