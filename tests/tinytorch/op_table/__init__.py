"""Every op with its counterpart in torch and operands to try it on. An op without a row is reported."""

from tests.tinytorch.op_table import activations, elementwise, functions
from tests.tinytorch.op_table.activations import ACTIVATIONS
from tests.tinytorch.op_table.arrays import ARRAYS
from tests.tinytorch.op_table.attending import ATTENDING
from tests.tinytorch.op_table.contracting import CONTRACTING
from tests.tinytorch.op_table.elementwise import ELEMENTWISE
from tests.tinytorch.op_table.functions import FUNCTIONS
from tests.tinytorch.op_table.images import IMAGES
from tests.tinytorch.op_table.joining import JOINING
from tests.tinytorch.op_table.layout import LAYOUT
from tests.tinytorch.op_table.linear import LINEAR
from tests.tinytorch.op_table.prefix import PREFIX
from tests.tinytorch.op_table.reducing import REDUCING
from tests.tinytorch.op_table.row import SPECIAL, Row
from tests.tinytorch.op_table.scattering import SCATTERING
from tests.tinytorch.op_table.sorting import ORDERS

UNARY = [*elementwise.UNARY, *activations.UNARY, *functions.UNARY]
"""Those of one operand, which are tried on special values as well."""

ROWS = [
    *ELEMENTWISE,
    *ACTIVATIONS,
    *FUNCTIONS,
    *REDUCING,
    *PREFIX,
    *CONTRACTING,
    *ATTENDING,
    *LAYOUT,
    *ARRAYS,
    *JOINING,
    *ORDERS,
    *SCATTERING,
    *LINEAR,
    *IMAGES,
]

__all__ = ["ROWS", "SPECIAL", "UNARY", "Row"]
