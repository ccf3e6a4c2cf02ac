"""Mutations of models, as bytes and as messages; what is changed, and how, is drawn by who calls.

A `Choose` returns a whole number below its argument: of a random generator, or of hypothesis, which shrinks.
"""

import numpy as np
from onnx import AttributeProto, ModelProto, TensorProto, defs, numpy_helper

NUMBERS = [0, 1, -1, 2, 3, 7, 64, 2**31 - 1, -(2**31), 2**40, 2**62, 2**63 - 1, -(2**63)]
TEXTS = [
    "",
    "x",
    "y",
    "../../etc/passwd",
    "/dev/zero",
    "a" * 20_000,
    "Ä\0\n",
    "%s{0}",
    "ai.onnx",
    "Loop",
    "-1",
]
FLOATS = [0.0, -1.0, 1e38, float("nan"), float("inf"), -float("inf"), 1e-45]
OPERATORS = sorted({schema.name for schema in defs.get_all_schemas() if not schema.domain})
INT, REAL = AttributeProto.INT, AttributeProto.FLOAT
VARINT, TEXT, BYTES, MESSAGE, ENUM, FLOAT, DOUBLE = 3, 9, 12, 11, 14, 2, 1


def mutated_bytes(content, choose):
    """Bytes with a few of them flipped, set, doubled, moved or cut."""
    data = bytearray(content)
    for _ in range(1 + choose(4)):
        if not data:
            return b""
        at = choose(len(data))
        kind = choose(7)
        if kind == 0:
            data[at] ^= 1 << choose(8)
        elif kind == 1:
            data[at] = choose(256)
        elif kind == 2:
            data[at:at] = bytes([0xFF] * (1 + choose(9)))
        elif kind == 3:
            del data[at : at + 1 + choose(16)]
        elif kind == 4:
            data[at:at] = data[at : at + 1 + choose(64)] * (1 + choose(50))
        elif kind == 5:
            start = choose(len(data))
            data[at:at] = data[start : start + choose(64)]
        else:
            del data[at:]
    return bytes(data)


def mutated_model(content, choose):
    """A model with a few fields changed, anywhere in it, to what fits their type but not each other."""
    model = ModelProto()
    model.ParseFromString(content)
    for _ in range(1 + choose(3)):
        _mutate(_somewhere(model, choose), choose)
    return model.SerializeToString()


def mutated_meaning(content, choose):
    """A model that holds together as before, and means something else: other operators, orders, numbers."""
    model = ModelProto()
    model.ParseFromString(content)
    for _ in range(1 + choose(3)):
        _CHANGES[choose(len(_CHANGES))](model, choose)
    return model.SerializeToString()


def _other_number(model, choose):
    """A number in an attribute of a node is another."""
    node = _node(model, choose)
    lists = [item for item in node.attribute if item.ints or item.floats] if node else []
    single = [item for item in node.attribute if item.type in (INT, REAL)] if node else []
    if lists and choose(2):
        item = lists[choose(len(lists))]
        items = item.ints or item.floats
        items[choose(len(items))] = _number(choose) if item.ints else FLOATS[choose(len(FLOATS))]
    elif single:
        item = single[choose(len(single))]
        if item.type == INT:
            item.i = _number(choose)
        else:
            item.f = FLOATS[choose(len(FLOATS))]


def _other_operator(model, choose):
    """A node is one of another operator, with the inputs, outputs and attributes that it has."""
    node = _node(model, choose)
    if node:
        node.op_type = OPERATORS[choose(len(OPERATORS))]


def _other_input(model, choose):
    """A node takes an input, an initialiser or nothing where it took another."""
    node = _node(model, choose)
    names = [item.name for item in (*model.graph.input, *model.graph.initializer)] + [""]
    if node and node.input:
        node.input[choose(len(node.input))] = names[choose(len(names))]


def _other_extent(model, choose):
    """An axis of an input is longer, shorter, or of any length."""
    kinds = [item.type.tensor_type for item in model.graph.input]
    dims = [dim for kind in kinds for dim in kind.shape.dim]
    if dims:
        dim = dims[choose(len(dims))]
        if choose(3):
            dim.dim_value = choose(6) if choose(4) else max(0, NUMBERS[choose(len(NUMBERS))])
        else:
            dim.dim_param = "n"


def _other_element(model, choose):
    """An element of a tensor of whole numbers, such as a shape or axes, is another."""
    tensors = [
        *model.graph.initializer,
        *(item.t for node in model.graph.node for item in node.attribute if item.HasField("t")),
    ]
    whole = [item for item in tensors if item.data_type == TensorProto.INT64 and np.prod(item.dims)]
    if whole:
        tensor = whole[choose(len(whole))]
        array = numpy_helper.to_array(tensor).copy()
        array.reshape(-1)[choose(array.size)] = _number(choose)
        tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))


def _other_type(model, choose):
    """An input is of another type."""
    if model.graph.input:
        kind = model.graph.input[choose(len(model.graph.input))].type.tensor_type
        kind.elem_type = 1 + choose(16)


_CHANGES = [_other_number, _other_operator, _other_input, _other_extent, _other_element, _other_type]


def _node(model, choose):
    return model.graph.node[choose(len(model.graph.node))] if model.graph.node else None


def _number(choose):
    return NUMBERS[choose(len(NUMBERS))] if choose(3) == 0 else choose(8) - 2


def _somewhere(message, choose):
    """A message within a message: a few steps down, at random."""
    for depth in range(12):
        inner = [
            item
            for field, value in message.ListFields()
            if field.type == MESSAGE
            for item in (value if field.is_repeated else [value])
        ]
        if not inner or (depth > 1 and choose(3) == 0):
            break
        message = inner[choose(len(inner))]
    return message


def _mutate(message, choose):
    fields = message.DESCRIPTOR.fields
    present = [field for field, _ in message.ListFields()]
    # What is there is changed more often than what is not is added.
    field = present[choose(len(present))] if present and choose(4) else fields[choose(len(fields))]
    if field.is_repeated:
        _mutate_list(getattr(message, field.name), field, choose)
    elif choose(4) == 0:
        message.ClearField(field.name)
    elif field.type == MESSAGE:
        getattr(message, field.name).SetInParent()
    else:
        _set(message, field, choose)


def _mutate_list(items, field, choose):
    kind = choose(4)
    if items and kind == 0:
        del items[choose(len(items))]
    elif items and kind == 1:
        items.insert(choose(len(items) + 1), items[choose(len(items))])
    elif items and kind == 2:
        first, second = choose(len(items)), choose(len(items))
        moved = items.pop(first)
        items.insert(min(second, len(items)), moved)
    elif field.type == MESSAGE:
        items.add()
    else:
        value = _value(field, choose)
        if items and kind:
            items[choose(len(items))] = value
        else:
            items.append(value)


def _set(message, field, choose):
    try:
        setattr(message, field.name, _value(field, choose))
    except ValueError:  # out of the field's range, or no member of an enum
        setattr(message, field.name, field.default_value)


def _value(field, choose):
    if field.type == TEXT:
        return TEXTS[choose(len(TEXTS))]
    if field.type == BYTES:
        return bytes([choose(256)] * choose(40))
    if field.type in (FLOAT, DOUBLE):
        return FLOATS[choose(len(FLOATS))]
    if field.type == ENUM:
        values = field.enum_type.values
        return values[choose(len(values))].number
    number = NUMBERS[choose(len(NUMBERS))] if choose(3) == 0 else choose(24)
    return number if field.type == VARINT else int(np.clip(number, 0, 2**31 - 1))
