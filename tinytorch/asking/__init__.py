"""What is asked of graphs, programs and networks. Loaded when it is asked."""

from tinytorch.notebook.asked import ASKED
from tinytorch.notebook.views import install

install(ASKED)
