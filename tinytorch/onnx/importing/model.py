"""Model: a network that was read, as a module."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from compiler.errors import ArgumentError
from compiler.ir.graph import Graph
from compiler.program import Program
from tinytorch.api import compile as compiled
from tinytorch.freezing import frozen
from tinytorch.nn.module import Module
from tinytorch.onnx.importing.kept import KeptModel, is_installed
from tinytorch.onnx.reading.contents import Source, content_of
from tinytorch.onnx.reading.naming import quoted
from tinytorch.state import state_updates
from tinytorch.tensor import Tensor

if TYPE_CHECKING:
    from tinytorch.onnx.importing.network import Network

Choice: TypeAlias = str | Iterable[str] | Callable[[str, Tensor], bool]
"""Parameters by a name or a pattern of names, by several, or by a function of name and tensor."""

_NEAR: Final = 4
_BUILDING: Final = threading.RLock()


def load(
    source: Source,
    *,
    known: Mapping[str, Any] | None = None,
    dims: Mapping[str, int | str] | None = None,
) -> Model:
    """The network in an ONNX file: a path, the bytes of one, or a ModelProto.

    `known` gives inputs values now, such as a shape that another input is brought to: they are no inputs of
    the model then. `dims` says what symbolic dimensions are, by their names in the file: a number, another
    name, or what is known of one, as `"2*m"` of one that is halved.

    Initialisers are weights, buffers or constants as the file says, where PyTorch's exporter or ours wrote
    it. In other files those of floats with axes are weights, frozen ones if they have an infinite element or
    the lowest of their dtype, as masks have; running statistics are buffers. See `Model.trainable`.

    Bytes that were compiled before, by any process of this user, are known to be a model: the program is
    there, and the network is built when somebody asks for more than that.

    Raises ModelError for what is no valid model, UnsupportedOperatorError with every node that cannot be
    had here, ArgumentError for names in `known` or `dims` that no input has, and MissingLibraryError without
    the library `onnx`.
    """
    content = content_of(source) if is_installed() and not known else None
    kept = None if content is None else KeptModel.of(content, dims or {})
    if kept is not None and kept.found is not None:
        return Model(None, kept)
    from tinytorch.onnx.importing.network import Network  # noqa: PLC0415  # what a program that is kept does without
    from tinytorch.onnx.reading.files import read_content, read_model  # noqa: PLC0415  # likewise

    read = read_model(source) if content is None else read_content(content)
    return Model(Network(read, known or {}, dims or {}), kept)


class Model(Module):
    """A network that was read from an ONNX file. Called with tensors, it is built anew for them."""

    def __init__(self, network: Network | None, kept: KeptModel | None = None) -> None:
        super().__init__()
        self._network = network
        self._kept = kept
        """Where programs of the model are kept, as long as nobody has had a tensor of it."""
        self._was_restored = False
        self._source: Graph | None = None
        """What restored programs are made from, where weights may have changed since."""

    @property
    def inputs(self) -> list[Tensor]:
        """The tensors that a call gives, in the file's order."""
        return self._opened().inputs

    @property
    def outputs(self) -> list[Tensor]:
        """The tensors that the network makes of them, in the file's order."""
        return self._opened().outputs

    @property
    def updates(self) -> dict[Tensor, Tensor]:
        """The next value of each state, where the file is a step that has states; see `tt.onnx.save`."""
        return self._opened().updates

    @property
    def document(self) -> str:
        """What the file says that the model is for."""
        return self._opened().document

    @property
    def metadata(self) -> dict[str, str]:
        """What else it says of the model."""
        return self._opened().metadata

    def attributes(self) -> Iterable[tuple[str, Any]]:
        """The initialisers that are parameters or buffers, under their names in the file."""
        return self._opened().leaves().items()

    def forward(self, *inputs: Any) -> Any:
        """The outputs for other inputs, one or a tuple."""
        found = self._opened().built(inputs)
        return found[0] if len(found) == 1 else tuple(found)

    def trainable(self, which: Choice | None = None) -> list[Tensor]:
        """The parameters that an optimiser may change, in the file's order: all, or a choice of them.

        `which` is a name, names, or a function of name and tensor that says whether. A name is one of
        `named_parameters`, or a pattern as of files, `"encoder.*"`. What has `requires_grad` False, as masks
        have, is no part of any choice: set it to True to train it.

        Raises ArgumentError for a name or a pattern that is that of no such parameter.
        """
        named = {name: item for name, item in self.named_parameters() if item.requires_grad}
        if which is None:
            return list(named.values())
        if callable(which):
            return [item for name, item in named.items() if which(name, item)]
        chosen = set[str]()
        for pattern in [which] if isinstance(which, str) else which:
            found = set(fnmatch.filter(named, pattern))
            if not found:
                raise ArgumentError(self._untrained(pattern, list(named)))
            chosen |= found
        return [item for name, item in named.items() if name in chosen]

    def _untrained(self, pattern: str, names: Sequence[str]) -> str:
        """Why a pattern chooses nothing, and what could be meant."""
        if pattern in dict(self.named_parameters()):
            why = "it is frozen\n  fix: set requires_grad of it to True"
        elif pattern in dict(self.named_buffers()):
            why = "it is a buffer"
        elif pattern in self._opened().initialisers():
            why = "it is a constant"
        else:
            near = get_close_matches(pattern, names, _NEAR) or names[:_NEAR]
            why = f"there are {', '.join(map(quoted, near)) or 'none'}{', ...' * (len(names) > len(near))}"
        return f"{self._opened().name} has no weight {quoted(pattern)} that is trained: {why}"

    def compile(self, *, freeze: bool = True, **options: Any) -> Program:
        """A program of its inputs and outputs. Weights are constants of it unless `freeze` is False.

        Of a network in training, whose masks of dropout are others in each call, nothing is constant; and of
        a step that has states, which it updates. Options are those of `tt.compile`.

        Without options the program of a file is kept beside compiled kernels, and a later process has it from
        there as long as nobody has had a tensor of the model, whose weights may be others then. Such a
        program is compiled when it is asked for more than calls.
        """
        kept = self._kept if freeze is True and not options else None
        if kept is not None and self._network is None:
            found = kept.program(self._again)
            if found is not None:
                self._was_restored = True
                return found
        network = self._network if kept is not None and self._network is not None else self._opened()
        outputs: Any = network.outputs[0] if len(network.outputs) == 1 else tuple(network.outputs)
        if "updates" not in options and (changes := {**state_updates(*network.outputs), **network.updates}):
            options["updates"], freeze = changes, False
        program = compiled(network.inputs, outputs, freeze=freeze, **options)
        if kept is not None:
            kept.keep(program)
        return program

    def _opened(self) -> Network:
        """The tensors of the model, which are built when they are first asked for."""
        with _BUILDING:
            kept, self._kept = self._kept, None
            if self._network is None:
                assert kept is not None
                self._network = kept.network()
                self._settle()
                if self._was_restored:
                    self._source = _frozen(self._network)
            return self._network

    def _again(self) -> Program:
        """The program of the model as it was read."""
        network = self._opened()
        return compiled(_frozen(network) if self._source is None else self._source, freeze=True)

    def _finish(self) -> None:
        """Parts have their names when they are there, which nobody has had yet."""
        kept = self._kept
        if self._network is not None:
            super()._finish()
        self._record.is_made = True
        self._kept = kept

    def __getstate__(self) -> object:
        """Of a copy, which is built."""
        self._opened()
        return super().__getstate__()


def _frozen(network: Network) -> Graph:
    """The graph of a network with its weights, as they are now, as constants."""
    outputs, inputs = ([item.node for item in tensors] for tensors in (network.outputs, network.inputs))
    return frozen(Graph.of(outputs, [], inputs), True)
