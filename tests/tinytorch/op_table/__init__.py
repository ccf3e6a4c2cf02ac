"""Every op with its counterpart in torch and operands to try it on. An op without a row is reported."""

from tests.tinytorch.op_table.contracting import CONTRACTING
from tests.tinytorch.op_table.elementwise import ELEMENTWISE, UNARY
from tests.tinytorch.op_table.layout import LAYOUT
from tests.tinytorch.op_table.prefix import PREFIX
from tests.tinytorch.op_table.reducing import REDUCING
from tests.tinytorch.op_table.row import SPECIAL, Row

ROWS = [*ELEMENTWISE, *REDUCING, *PREFIX, *CONTRACTING, *LAYOUT]

__all__ = ["ROWS", "SPECIAL", "UNARY", "Row"]
